import type { Storage } from '#journal/storage-port.js';

/** A folder on the disk of a machine: what happens to the disk happens to it, too. */
export function folderOf(storage: Storage, folder: string): Storage {
  const prefix = `${folder}.`;
  return {
    list: async () =>
      (await storage.list())
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length)),
    read: (name) => storage.read(prefix + name),
    open: (name) => storage.open(prefix + name),
    rename: (from, to) => storage.rename(prefix + from, prefix + to),
    remove: (name) => storage.remove(prefix + name),
    syncFolder: () => storage.syncFolder(),
  };
}
