/**
 * Files as a port: one flat folder, names without separators. Every promise rejects with an
 * EdgeError of code EDGE_STORAGE that carries the system's error as cause. `file-storage.ts` is
 * the real one; `power-cut.ts` records what was written and synced and makes every crash state.
 */
export interface Storage {
  list(): Promise<string[]>;
  /** The whole file, or undefined when it does not exist. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Opens for reading and writing, creating an empty file when missing. */
  open(name: string): Promise<StorageFile>;
  /** Atomic within the folder; durable only after `syncFolder`. */
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes creations, renames and removals durable. */
  syncFolder(): Promise<void>;
}

export interface StorageFile {
  size(): Promise<number>;
  /** Writes all bytes at `offset`, growing the file if needed. Not durable before `sync`. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** fdatasync. After a rejection nothing written since the last resolved sync may be trusted. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
