import { open } from 'node:fs/promises';
import { EdgeError } from '#protocol/errors.js';

const CHUNK_BYTES = 16 * 1024;

/**
 * The text of a person's file of at most `bytesMax`. Rejects with EDGE_LIMIT, EDGE_MALFORMED (not
 * UTF-8) or EDGE_USAGE (no such file, or not readable).
 */
export async function readBoundedText(file: string, bytesMax: number): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await firstBytes(file, bytesMax + 1);
  } catch (cause) {
    const { message } = EdgeError.from(cause);
    throw new EdgeError('EDGE_USAGE', message, { cause, hint: 'Is the name of the file right?' });
  }
  if (bytes.length > bytesMax)
    throw new EdgeError('EDGE_LIMIT', `is larger than ${bytesMax} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new EdgeError('EDGE_MALFORMED', 'is not UTF-8 text', { cause });
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
