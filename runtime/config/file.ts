import { readBoundedText } from '#journal/bounded-file.js';
import type { ConfigIssue } from '#protocol/config-issue.js';
import { EdgeError } from '#protocol/errors.js';
import { CONFIG_LIMITS } from './limits.js';

/** The text of a file of at most CONFIG_LIMITS.fileBytes, or the issue that says why not. */
export async function readBounded(file: string): Promise<string | ConfigIssue> {
  try {
    return await readBoundedText(file, CONFIG_LIMITS.fileBytes);
  } catch (thrown) {
    const { message } = EdgeError.from(thrown);
    return { file, line: 1, column: 1, key: '', message, severity: 'error' };
  }
}
