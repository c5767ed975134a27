import type { LoadHook } from 'node:module';
import { EdgeError } from '#protocol/errors.js';
import type { Patch } from './mutation.js';

let patches: readonly Patch[] = [];

/** Called by Node in the thread of its loaders, with what `plant.ts` registered. */
export function initialize(planted: readonly Patch[]): void {
  patches = planted;
}

/** Patches the text of a compiled file before it runs; nothing on the disk changes. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context);
  const own = patches.filter(({ file }) => url.endsWith(`/dist/${file}`));
  if (own.length === 0) return loaded;
  const text = Buffer.from(loaded.source as Uint8Array).toString('utf8');
  return { ...loaded, source: own.reduce(patched, text) };
};

/** The text with the patch; throws EDGE_INTERNAL unless its place is there exactly once. */
export function patched(text: string, { file, find, replace }: Patch): string {
  const places = text.split(find).length - 1;
  if (places !== 1)
    throw new EdgeError('EDGE_INTERNAL', `${places} places in ${file} for: ${find}`);
  return text.replace(find, () => replace);
}
