import { open } from 'node:fs/promises';
import { EdgeError } from '#protocol/errors.js';
import type { ConfigIssue } from './issue.js';
import { CONFIG_LIMITS } from './limits.js';

/** The text of a file of at most CONFIG_LIMITS.fileBytes, or the issue that says why not. */
export async function readBounded(file: string): Promise<string | ConfigIssue> {
  try {
    const bytes = await firstBytes(file, CONFIG_LIMITS.fileBytes + 1);
    if (bytes.length > CONFIG_LIMITS.fileBytes)
      return unreadable(file, `is larger than ${CONFIG_LIMITS.fileBytes} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (thrown) {
    const { message } = EdgeError.from(thrown);
    return unreadable(file, thrown instanceof TypeError ? 'is not UTF-8 text' : message);
  }
}

/** Reads no more than `max`, whatever the file claims or becomes: it may be a device. */
async function firstBytes(file: string, max: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const buffer = new Uint8Array(max);
    let length = 0;
    while (length < max) {
      const { bytesRead } = await handle.read(buffer, length, max - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

function unreadable(file: string, message: string): ConfigIssue {
  return { file, line: 1, column: 1, key: '', message, severity: 'error' };
}
