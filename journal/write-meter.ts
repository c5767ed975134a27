import type { FlashAmount } from './flash-ledger.js';
import type { Storage, StorageFile } from './storage-port.js';

/** What flash memory is written in: the block of ext4 and of SD cards' caches. */
export const BLOCK_BYTES = 4096;

/**
 * Counts what is synced through it: bytes are what was asked for, blocks are what wears. A folder
 * counts as one block; what else the file system writes of its own is not known here.
 */
export class WriteMeter {
  bytes = 0;
  /** Blocks of 4 KiB touched between two syncs of a file, each counted once; and folders. */
  blocks = 0;
  syncs = 0;
  readonly #account: { add(amount: FlashAmount): void } | undefined;

  /** `account` is told of everything, too. */
  constructor(account?: { add(amount: FlashAmount): void }) {
    this.#account = account;
  }

  over(storage: Storage): Storage {
    return {
      list: () => storage.list(),
      read: (name) => storage.read(name),
      open: async (name) => this.#file(await storage.open(name)),
      rename: (from, to) => storage.rename(from, to),
      remove: (name) => storage.remove(name),
      syncFolder: async () => {
        await storage.syncFolder();
        this.#count({ bytes: 0, blocks: 1, syncs: 1 });
      },
    };
  }

  #count(amount: FlashAmount): void {
    this.bytes += amount.bytes;
    this.blocks += amount.blocks;
    this.syncs += amount.syncs;
    this.#account?.add(amount);
  }

  #file(file: StorageFile): StorageFile {
    const touched = new Set<number>();
    let written = 0;
    return {
      size: () => file.size(),
      write: async (offset, bytes) => {
        await file.write(offset, bytes);
        written += bytes.length;
        const last = Math.floor((offset + bytes.length - 1) / BLOCK_BYTES);
        for (let block = Math.floor(offset / BLOCK_BYTES); block <= last; block += 1) {
          touched.add(block);
        }
      },
      sync: async () => {
        await file.sync();
        this.#count({ bytes: written, blocks: touched.size, syncs: 1 });
        written = 0;
        touched.clear();
      },
      close: () => file.close(),
    };
  }
}
