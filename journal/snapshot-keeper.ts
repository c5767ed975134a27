import type { Log } from '#protocol/log.js';
import type { Storage } from './storage-port.js';
import {
  NEW_ASIDE,
  NEW_SEGMENT,
  NEW_SNAPSHOT,
  NEW_SPARE,
  SPARE,
  isSetAside,
  segmentName,
  segmentNumbers,
  setAsideName,
  snapshotName,
  snapshotNumbers,
} from './file-names.js';
import { JOURNAL_LIMITS } from './limits.js';
import type { FoundSnapshot } from './recovery.js';
import type { FrozenTables } from './row-tables.js';
import { type JournalPosition, writeSnapshot } from './snapshot.js';

interface KeptSnapshot {
  readonly number: number;
  /** The segment its journal starts in: that one and all later ones are kept with it. */
  readonly segment: number;
}

/**
 * Takes snapshots and removes what they make superfluous. The newest snapshot and the one before
 * it are kept, each with all segments behind it, so that one damaged snapshot costs nothing.
 */
export class SnapshotKeeper {
  readonly #storage: Storage;
  readonly #segmentBytes: number;
  readonly #log: Log;
  #newest: number;
  #kept: readonly KeptSnapshot[] = [];
  /** Bytes of the newest snapshot. */
  bytes: number;
  taken = 0;

  constructor(storage: Storage, segmentBytes: number, log: Log, found?: FoundSnapshot) {
    this.#storage = storage;
    this.#segmentBytes = segmentBytes;
    this.#log = log;
    this.#newest = found?.newest ?? 0;
    if (found !== undefined)
      this.#kept = [...(found.older === undefined ? [] : [found.older]), found];
    this.bytes = found?.bytes ?? 0;
  }

  /** The first segment that is still needed. */
  get firstSegment(): number | undefined {
    return this.#kept[0]?.segment;
  }

  /**
   * Makes `tables`, which is the state at `position`, durable. `alone`: no older journal leads to
   * it, so the older snapshots cannot stand in for it. Rejects with EDGE_STORAGE; what stood
   * before stands then, too.
   */
  async take(
    position: JournalPosition,
    tables: FrozenTables,
    signal: AbortSignal,
    alone: boolean,
  ): Promise<void> {
    const bytes = await writeSnapshot(this.#storage, NEW_SNAPSHOT, position, tables, signal);
    signal.throwIfAborted();
    this.#newest += 1;
    await this.#storage.rename(NEW_SNAPSHOT, snapshotName(this.#newest));
    await this.#storage.syncFolder();
    const taken = { number: this.#newest, segment: position.segment };
    this.#kept = alone ? [taken] : [...this.#kept.slice(-1), taken];
    this.bytes = bytes;
    this.taken += 1;
  }

  /**
   * Removes what no kept snapshot needs and sees to a spare segment. Resolves with true when a
   * durable spare stands ready. Failures cost only space: they are logged.
   */
  async tidy(signal: AbortSignal): Promise<boolean> {
    try {
      const names = await this.#storage.list();
      const kept = this.#kept.map(({ number }) => snapshotName(number));
      const old = snapshotNumbers(names).map(snapshotName);
      for (const name of old) if (!kept.includes(name)) await this.#storage.remove(name);
      const first = this.firstSegment ?? 0;
      let spare = names.includes(SPARE) && (await this.#isSegment(SPARE));
      for (const number of segmentNumbers(names).filter((other) => other < first)) {
        const name = segmentName(number);
        if (!spare && (await this.#isSegment(name))) {
          await this.#storage.rename(name, SPARE);
          spare = true;
        } else {
          await this.#storage.remove(name);
        }
      }
      if (!spare) await this.#makeSpare(signal);
      await this.#storage.syncFolder();
      return true;
    } catch (thrown) {
      if (!signal.aborted) this.#log.warn('tidy-failed', { error: thrown });
      return false;
    }
  }

  /**
   * Removes files of attempts that never finished, and gives the newest snapshot its name anew:
   * the life before may have died of a failed sync of the folder, after which a name can be seen
   * that is not on the disk.
   */
  async prepare(leftovers: readonly string[]): Promise<void> {
    const found = this.#kept.at(-1);
    if (found !== undefined) {
      this.#newest += 1;
      const renamed = { ...found, number: this.#newest };
      await this.#storage.rename(snapshotName(found.number), snapshotName(renamed.number));
      this.#kept = [...this.#kept.slice(0, -1), renamed];
    }
    for (const name of leftovers) await this.#storage.remove(name);
    const unfinished = [NEW_SEGMENT, NEW_SNAPSHOT, NEW_SPARE, NEW_ASIDE];
    for (const name of unfinished) await this.#storage.remove(name);
    await this.#storage.syncFolder();
  }

  /** Keeps copies of damaged files for people: durable before anything of them is removed. */
  async setAside(names: readonly string[]): Promise<void> {
    const limit = JOURNAL_LIMITS.damagedFiles;
    for (const name of names.slice(0, limit)) {
      const bytes = await this.#storage.read(name);
      if (bytes === undefined) continue;
      await this.#storage.remove(NEW_ASIDE);
      const file = await this.#storage.open(NEW_ASIDE);
      try {
        await file.write(0, bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#storage.rename(NEW_ASIDE, setAsideName(name));
      this.#log.error('damaged-file-set-aside', { file: name, copy: setAsideName(name) });
    }
    const copies = names.slice(0, limit).map(setAsideName);
    const others = (await this.#storage.list())
      .filter(isSetAside)
      .filter((n) => !copies.includes(n));
    const tooMany = Math.max(others.length + copies.length - limit, 0);
    for (const name of others.slice(0, tooMany)) await this.#storage.remove(name);
    await this.#storage.syncFolder();
  }

  async #isSegment(name: string): Promise<boolean> {
    const file = await this.#storage.open(name);
    try {
      return (await file.size()) === this.#segmentBytes;
    } finally {
      await file.close();
    }
  }

  async #makeSpare(signal: AbortSignal): Promise<void> {
    await this.#storage.remove(NEW_SPARE);
    const file = await this.#storage.open(NEW_SPARE);
    try {
      const zeroes = new Uint8Array(Math.min(JOURNAL_LIMITS.zeroChunkBytes, this.#segmentBytes));
      for (let offset = 0; offset < this.#segmentBytes; offset += zeroes.length) {
        signal.throwIfAborted();
        await file.write(offset, zeroes.subarray(0, this.#segmentBytes - offset));
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#storage.rename(NEW_SPARE, SPARE);
  }
}
