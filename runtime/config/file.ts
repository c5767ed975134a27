import { open } from 'node:fs/promises';
import { EdgeError } from '#protocol/errors.js';
import type { ConfigIssue } from './issue.js';
import { CONFIG_LIMITS } from './limits.js';

const CHUNK_BYTES = 16 * 1024;

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

/** Reads no more than `max` and a chunk, whatever the file claims or becomes: it may be a device. */
async function firstBytes(file: string, max: number): Promise<Uint8Array> {
  const handle = await open(file, 'r');
  try {
    const chunks: Uint8Array[] = [];
    for (let length = 0; length < max;) {
      const { bytesRead, buffer } = await handle.read({ buffer: new Uint8Array(CHUNK_BYTES) });
      if (bytesRead === 0) break;
      chunks.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

function unreadable(file: string, message: string): ConfigIssue {
  return { file, line: 1, column: 1, key: '', message, severity: 'error' };
}
