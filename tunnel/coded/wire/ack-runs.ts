import { varintBytes } from './byte-writer.js';
import { ACK_BITMAP_BYTES } from './frame.js';

/** The bitmap of the packets below the largest, or undefined when it would be longer than runs. */
export function bitmapOfRuns(runs: readonly number[]): Uint8Array | undefined {
  const below = runs.reduce((sum, run) => sum + run, 0) - 1;
  const bytes = Math.ceil(below / 8);
  if (bytes > ACK_BITMAP_BYTES || bytes >= runsBytes(runs)) return undefined;
  const bitmap = new Uint8Array(bytes);
  let position = -1; // of the largest itself
  runs.forEach((run, index) => {
    if (index % 2 === 0)
      for (let bit = Math.max(position, 0); bit < position + run; bit++)
        bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7));
    position += run;
  });
  return bitmap;
}

export function runsOfBitmap(bitmap: Uint8Array): number[] {
  const runs = [1];
  let missing = 0;
  for (let bit = 0; bit < bitmap.length * 8; bit++) {
    if ((((bitmap[bit >> 3] ?? 0) >> (bit & 7)) & 1) === 0) missing++;
    else if (missing > 0) {
      runs.push(missing, 1);
      missing = 0;
    } else runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
  }
  return runs;
}

export function runsBytes(runs: readonly number[]): number {
  return runs.reduce((sum, run) => sum + varintBytes(run), 0);
}
