import {
  type WrittenFolder,
  newestOf,
  openedOf,
  transactionsOf,
  withBit,
  withFile,
} from './damage-model.js';
import { findGroup } from './record.js';
import { decodeSegmentHeader } from './segment-header.js';

/** What trials found: how many there were, and which did not end as they must. */
export interface Trials {
  readonly tried: number;
  readonly wrong: readonly string[];
}

/** Test fake: which bits of the byte at `offset` are flipped, one at a time. */
export type BitsOf = (offset: number) => readonly number[];

const LAST_BYTES = 4096;

/** The last 4 KiB of records of the newest segment: nothing may be lost, each flip must be said. */
export async function flipRecords(folder: WrittenFolder, bitsOf: BitsOf): Promise<Trials> {
  const { name, end, lastGroup } = newestSegment(folder);
  const inRecords: BitsOf = (at) => (at >= end - LAST_BYTES && at < end ? bitsOf(at) : []);
  return flipFile(folder, name, inRecords, lastGroup);
}

/**
 * Nothing may be lost. Before `saidBefore` damage is told and a copy set aside; behind it a flip
 * may look like a write that never ended, which is told, too.
 */
export async function flipFile(
  { files, states }: WrittenFolder,
  name: string,
  bitsOf: BitsOf,
  saidBefore = 0,
): Promise<Trials> {
  const bytes = files.get(name) ?? Buffer.alloc(0);
  const wrong: string[] = [];
  let tried = 0;
  for (let offset = 0; offset < bytes.length; offset += 1) {
    for (const bit of bitsOf(offset)) {
      tried += 1;
      const { state, damage, tornTail } = await openedOf(
        withFile(files, name, withBit(bytes, offset, bit)),
      );
      const told = damage.length === 1 && damage[0]?.file === `damaged-${name}`;
      const silent = offset < saidBefore ? !told : !told && !tornTail && saidBefore > 0;
      if (state !== states.at(-1) || silent) wrong.push(`byte ${offset} bit ${bit}`);
    }
  }
  return { tried, wrong };
}

/** Cuts the newest segment off at every `stride`-th byte of its last 4 KiB of records. */
export async function cutOff(folder: WrittenFolder, stride: number): Promise<Trials> {
  const { files, states } = folder;
  const { name, end, segment, places } = newestSegment(folder);
  const wrong: string[] = [];
  let tried = 0;
  for (let length = end - LAST_BYTES; length <= end; length += stride) {
    tried += 1;
    const whole = places.filter((place) => place.end <= length).length;
    const least = states.length - 1 - (places.length - whole);
    const found = await openedOf(withFile(files, name, segment.subarray(0, length)));
    // A snapshot may hold more than what is left of the journal.
    const kept = states.lastIndexOf(found.state) >= least;
    if (!kept || found.damage.length === 0) wrong.push(`cut at ${length}`);
  }
  return { tried, wrong };
}

function newestSegment({ files }: WrittenFolder) {
  const name = newestOf(files, 'journal-000');
  const segment = files.get(name) ?? Buffer.alloc(0);
  const seed = decodeSegmentHeader(segment, Number(name.slice(-10)))?.chain ?? 0;
  let lastGroup = 0;
  for (let at: number | undefined = 0; at !== undefined; at = findGroup(segment, seed, at + 1))
    lastGroup = at;
  return { name, segment, lastGroup, ...transactionsOf(segment, Number(name.slice(-10))) };
}
