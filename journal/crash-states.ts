import type { Random } from '#protocol/random.js';
import { type Cut, type Disk, SECTOR_BYTES } from './power-cut.js';

/** How many states of one moment are made at most: all of them when there are no more. */
export interface CrashStateLimits {
  readonly all: number;
  readonly sampled: number;
}

type Sector = Cut['sectors'][number];

/**
 * Test fake: what a power cut at this moment may leave. With few unsynced sectors and names every
 * combination; with many the extremes (nothing, everything, each prefix, each one alone, all but
 * each one) and a seeded sample. Then each sector torn, those before it there and those behind
 * it not. A prefix of the unsynced writes is what another moment has with everything kept.
 */
export function* crashStates(
  disk: Disk,
  random: Random,
  limits: CrashStateLimits,
): Generator<Cut & { readonly complete: boolean }> {
  const { links, sectors } = disk.unsynced;
  const total = 2 ** links * sectors.reduce((product, versions) => product * (versions + 1), 1);
  const complete = total <= limits.all;
  if (complete) {
    for (let nth = 0; nth < total; nth += 1)
      yield { ...combination(nth, links, sectors), complete };
  } else {
    let left = limits.sampled;
    for (const cut of extremes(links, sectors)) {
      if (left-- <= 0) break;
      yield { ...cut, complete };
    }
    for (; left > 0; left -= 1) yield { ...sampled(random, links, sectors), complete };
  }
  const newest = sectors.map((versions): Sector => ({ version: versions - 1 }));
  const torn = Math.min(sectors.length, limits.sampled);
  for (let nth = 0; nth < torn; nth += 1) {
    const bytes = Math.floor(random.unit() * SECTOR_BYTES);
    const before = newest.slice(0, nth);
    const sector = { version: (sectors[nth] ?? 1) - 1, bytes };
    yield { links: kept(links, () => true), sectors: [...before, sector], complete };
  }
}

/** The `nth` of all combinations. */
function combination(nth: number, links: number, sectors: readonly number[]): Cut {
  let rest = Math.floor(nth / 2 ** links);
  return {
    links: kept(links, (link) => (Math.floor(nth / 2 ** link) & 1) === 1),
    sectors: sectors.map((versions) => {
      const choice = rest % (versions + 1);
      rest = Math.floor(rest / (versions + 1));
      return choice === 0 ? undefined : { version: choice - 1 };
    }),
  };
}

function* extremes(links: number, sectors: readonly number[]): Generator<Cut> {
  const some = (keeps: (nth: number) => boolean): Sector[] =>
    sectors.map((versions, nth) => (keeps(nth) ? { version: versions - 1 } : undefined));
  for (const all of [true, false]) {
    const names = kept(links, () => all);
    for (const other of [true, false]) yield { links: names, sectors: some(() => other) };
  }
  for (let nth = 0; nth < links; nth += 1) {
    yield { links: kept(links, (link) => link <= nth), sectors: some(() => true) };
    yield { links: kept(links, (link) => link !== nth), sectors: some(() => true) };
  }
  const names = kept(links, () => true);
  for (let nth = 0; nth < sectors.length; nth += 1) {
    yield { links: names, sectors: some((sector) => sector <= nth) };
    yield { links: names, sectors: some((sector) => sector !== nth) };
    yield { links: names, sectors: some((sector) => sector === nth) };
  }
}

function sampled(random: Random, links: number, sectors: readonly number[]): Cut {
  const share = random.unit();
  const keeps = (): boolean => random.unit() < share;
  return {
    links: kept(links, keeps),
    sectors: sectors.map((versions) =>
      keeps() ? { version: Math.floor(random.unit() * versions) } : undefined,
    ),
  };
}

function kept(links: number, keeps: (nth: number) => boolean): boolean[] {
  return Array.from({ length: links }, (_, nth) => keeps(nth));
}
