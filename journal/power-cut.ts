import type { Random } from '#protocol/random.js';

/** What a program did to its files, in order: enough to make every state a power cut may leave. */
export type DiskOperation =
  | { readonly kind: 'create'; readonly name: string }
  | {
      readonly kind: 'write';
      readonly inode: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: 'sync'; readonly inode: number }
  /** A failed sync: the system forgets which bytes are unwritten and never writes them. */
  | { readonly kind: 'lose'; readonly inode: number }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'syncFolder' }
  /** The same for the folder: some names are on the disk, the others can only be seen. */
  | { readonly kind: 'loseFolder' };

/** What survives of what was not synced, by the order in which `Disk.unsynced` counts it. */
export interface Cut {
  readonly links: readonly boolean[];
  /** Undefined: as it was at the last sync. `bytes`: the sector is torn behind so many. */
  readonly sectors: readonly ({ readonly version: number; readonly bytes?: number } | undefined)[];
}

export const SECTOR_BYTES = 512;
/** Versions of one unsynced sector that a cut may choose from; older ones are forgotten. */
const SECTOR_VERSIONS_MAX = 4;

interface Inode {
  /** What programs read. */
  cached: Uint8Array;
  /** What survives for certain. */
  durable: Uint8Array;
  /** Contents each sector had since the last sync. */
  unsynced: Map<number, Uint8Array[]>;
  /** Sizes the file had since the last sync. */
  sizes: number[];
}

type Link = { from?: string; to?: string; inode?: number };

/**
 * A disk in memory with a page cache in front of it, to find out what a power cut may leave: each
 * sector not synced may hold any content it had since the last sync, one sector may be torn within,
 * each unsynced operation on the folder may be lost, and nothing orders them.
 */
export class Disk {
  readonly #inodes = new Map<number, Inode>();
  #names = new Map<string, number>();
  #durableNames = new Map<string, number>();
  #links: Link[] = [];
  #nextInode = 1;

  names(): string[] {
    return [...this.#names.keys()].sort();
  }

  inodeOf(name: string): number | undefined {
    return this.#names.get(name);
  }

  /** What programs read: valid until the next operation on it. */
  content(inode: number): Uint8Array {
    return this.#inode(inode).cached;
  }

  apply(operation: DiskOperation): void {
    switch (operation.kind) {
      case 'create':
        this.#create(operation.name);
        break;
      case 'write':
        write(this.#inode(operation.inode), operation.offset, operation.bytes);
        break;
      case 'sync':
        sync(this.#inode(operation.inode));
        break;
      case 'lose':
        lose(this.#inode(operation.inode));
        break;
      case 'rename':
        this.#link({ from: operation.from, to: operation.to });
        break;
      case 'remove':
        this.#link({ from: operation.name });
        break;
      case 'syncFolder':
        for (const link of this.#links) relink(this.#durableNames, link);
        this.#links = [];
        this.#forgetUnlinked();
        break;
      case 'loseFolder':
        // The last one is what the program most relies on.
        for (const [nth, link] of this.#links.toReversed().entries())
          if (nth % 2 === 1) relink(this.#durableNames, link);
        this.#links = [];
    }
  }

  /** Puts a file as if it had always been there. */
  putDurable(name: string, bytes: Uint8Array): void {
    const inode = this.#nextInode++;
    this.#inodes.set(inode, settled(new Uint8Array(bytes)));
    this.#names.set(name, inode);
    this.#durableNames.set(name, inode);
  }

  /** One state that a power cut at this moment may leave, chosen by `random`. */
  crash(random: Random): Disk {
    const left = new Disk();
    left.#nextInode = this.#nextInode;
    const keeps = pickMode(random);
    const names = new Map(this.#durableNames);
    for (const link of this.#links) if (keeps()) relink(names, link);
    left.#names = names;
    left.#durableNames = new Map(names);
    for (const inode of new Set(names.values())) {
      left.#inodes.set(inode, settled(survivor(this.#inode(inode), random, keeps)));
    }
    return left;
  }

  /** What a cut may lose: operations on the folder, and sectors with so many contents each. */
  get unsynced(): { readonly links: number; readonly sectors: readonly number[] } {
    const sectors = this.#unsyncedFiles().flatMap(([, file]) => [...file.unsynced.values()]);
    return { links: this.#links.length, sectors: sectors.map((versions) => versions.length) };
  }

  /** The very state that `cut` describes. */
  cut(cut: Cut): Disk {
    const left = new Disk();
    left.#nextInode = this.#nextInode;
    const names = new Map(this.#durableNames);
    for (const [nth, link] of this.#links.entries())
      if (cut.links[nth] === true) relink(names, link);
    left.#names = names;
    left.#durableNames = new Map(names);
    for (const inode of new Set(names.values())) {
      left.#inodes.set(inode, settled(this.#inode(inode).durable.slice()));
    }
    let nth = 0;
    for (const [inode, file] of this.#unsyncedFiles()) {
      const kept = left.#inodes.get(inode);
      for (const [sector, versions] of file.unsynced) {
        const choice = cut.sectors[nth++];
        if (kept === undefined || choice === undefined) continue;
        const content = versions[choice.version] ?? new Uint8Array(0);
        const at = sector * SECTOR_BYTES;
        // A file that grew has its size before its content, as ext4 has it in ordered mode.
        kept.durable = resized(kept.durable, Math.min(at + SECTOR_BYTES, file.cached.length));
        kept.durable.set(content.subarray(0, choice.bytes ?? SECTOR_BYTES), at);
        kept.cached = kept.durable;
      }
    }
    for (const inode of left.#inodes.values()) inode.cached = new Uint8Array(inode.durable);
    return left;
  }

  #unsyncedFiles(): [number, Inode][] {
    return [...this.#inodes].filter(([, file]) => file.unsynced.size > 0);
  }

  #create(name: string): void {
    const inode = this.#nextInode++;
    this.#inodes.set(inode, settled(new Uint8Array(0)));
    this.#link({ to: name, inode });
  }

  #link(link: Link): void {
    const inode = link.inode ?? this.#names.get(link.from ?? '');
    if (inode === undefined) return;
    const known = { ...link, inode };
    relink(this.#names, known);
    this.#links.push(known);
  }

  #inode(inode: number): Inode {
    let file = this.#inodes.get(inode);
    if (file === undefined) this.#inodes.set(inode, (file = settled(new Uint8Array(0))));
    return file;
  }

  #forgetUnlinked(): void {
    const linked = new Set([...this.#names.values(), ...this.#durableNames.values()]);
    for (const inode of this.#inodes.keys()) if (!linked.has(inode)) this.#inodes.delete(inode);
  }
}

function settled(bytes: Uint8Array): Inode {
  return { cached: new Uint8Array(bytes), durable: bytes, unsynced: new Map(), sizes: [] };
}

function relink(names: Map<string, number>, { from, to, inode }: Link): void {
  if (from !== undefined && names.get(from) === inode) names.delete(from);
  if (to !== undefined && inode !== undefined) names.set(to, inode);
}

function write(file: Inode, offset: number, bytes: Uint8Array): void {
  const end = offset + bytes.length;
  if (end > file.cached.length) file.cached = resized(file.cached, end);
  file.cached.set(bytes, offset);
  file.sizes.push(file.cached.length);
  const last = Math.floor((end - 1) / SECTOR_BYTES);
  for (let sector = Math.floor(offset / SECTOR_BYTES); sector <= last; sector += 1) {
    const versions = file.unsynced.get(sector) ?? [];
    versions.push(sectorOf(file.cached, sector));
    if (versions.length > SECTOR_VERSIONS_MAX) versions.shift();
    file.unsynced.set(sector, versions);
  }
}

/** Copies only what was unsynced, so that a sync of a large file costs what was written to it. */
function sync(file: Inode): void {
  file.durable = resized(file.durable, file.cached.length);
  for (const [sector, versions] of file.unsynced) {
    const newest = versions.at(-1);
    if (newest !== undefined) file.durable.set(newest, sector * SECTOR_BYTES);
  }
  forgetUnsynced(file);
}

/** Half of the sectors reach the disk, the others only seem to: they are read back until a cut. */
function lose(file: Inode): void {
  file.durable = resized(file.durable, file.cached.length);
  for (const [sector, versions] of file.unsynced) {
    const newest = versions.at(-1);
    if (newest !== undefined && sector % 2 === 1) file.durable.set(newest, sector * SECTOR_BYTES);
  }
  forgetUnsynced(file);
}

function forgetUnsynced(file: Inode): void {
  file.unsynced = new Map();
  file.sizes = [];
}

function survivor(file: Inode, random: Random, keeps: () => boolean): Uint8Array {
  const sizes = [file.durable.length, ...file.sizes];
  const size = (keeps() ? sizes.at(-1) : sizes[pick(random, sizes.length)]) ?? 0;
  const bytes = resized(file.durable.slice(), Math.max(size, file.durable.length));
  const torn = pick(random, Math.max(file.unsynced.size * 2, 1));
  let nth = 0;
  for (const [sector, versions] of file.unsynced) {
    const at = sector * SECTOR_BYTES;
    if (at < bytes.length) {
      const chosen = versions[keeps() ? versions.length - 1 : pick(random, versions.length)];
      const kept = chosen?.subarray(0, bytes.length - at) ?? new Uint8Array(0);
      if (nth === torn) bytes.set(kept.subarray(0, pick(random, kept.length + 1)), at);
      else if (keeps()) bytes.set(kept, at);
    }
    nth += 1;
  }
  return bytes;
}

/** Everything lost, everything kept, or a share of either: the extremes find the most. */
function pickMode(random: Random): () => boolean {
  const share = [0, 1, 0.5, 0.1, 0.9][pick(random, 5)] ?? 0.5;
  return () => random.unit() < share;
}

function pick(random: Random, count: number): number {
  return Math.floor(random.unit() * count);
}

function sectorOf(bytes: Uint8Array, sector: number): Uint8Array {
  return bytes.slice(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length >= length) return bytes;
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}
