import type { Storage, StorageFile } from './storage-port.js';

/** What flash memory is written in: the block of ext4 and of SD cards' caches. */
export const BLOCK_BYTES = 4096;

/** Counts what is written through it: bytes are what was asked for, blocks are what wears. */
export class WriteMeter {
  bytes = 0;
  /** Blocks of 4 KiB touched between two syncs of a file, each counted once. */
  blocks = 0;
  syncs = 0;

  over(storage: Storage): Storage {
    return {
      list: () => storage.list(),
      read: (name) => storage.read(name),
      open: async (name) => this.#file(await storage.open(name)),
      rename: (from, to) => storage.rename(from, to),
      remove: (name) => storage.remove(name),
      syncFolder: () => storage.syncFolder(),
    };
  }

  #file(file: StorageFile): StorageFile {
    const touched = new Set<number>();
    return {
      size: () => file.size(),
      write: async (offset, bytes) => {
        await file.write(offset, bytes);
        this.bytes += bytes.length;
        const last = Math.floor((offset + bytes.length - 1) / BLOCK_BYTES);
        for (let block = Math.floor(offset / BLOCK_BYTES); block <= last; block += 1) {
          touched.add(block);
        }
      },
      sync: async () => {
        await file.sync();
        this.syncs += 1;
        this.blocks += touched.size;
        touched.clear();
      },
      close: () => file.close(),
    };
  }
}
