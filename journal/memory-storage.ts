import type { Random } from '#protocol/random.js';
import type { Storage, StorageFile } from './storage-port.js';
import { Disk, type DiskOperation } from './power-cut.js';
import { checkName, storageError } from './storage-error.js';

export type StorageAction =
  'list' | 'read' | 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'syncFolder';
export type StorageFault = 'ENOSPC' | 'EIO' | 'EROFS' | 'EMFILE' | 'EACCES';

export interface FaultPlan {
  /** Which action fails, counted from 1 from now on, among `actions`. */
  readonly nth: number;
  readonly fault: StorageFault;
  /** True: that one and all later ones until `heal`. */
  readonly sticky?: boolean;
  /** Default: everything that changes something. */
  readonly actions?: readonly StorageAction[];
}

export interface MemoryStorageOptions {
  /** Gets every change of the disk, in order. */
  readonly trace?: (operation: DiskOperation) => void;
  /** Awaited before each action: delays it, or never resolves to stop the program there. */
  readonly before?: (action: StorageAction) => Promise<void> | undefined;
}

const CHANGES: readonly StorageAction[] = [
  'open',
  'write',
  'sync',
  'rename',
  'remove',
  'syncFolder',
];

/**
 * The fake of the Storage port: files in memory on a `Disk` that can lose its power, with faults by
 * plan. It only uses microtasks, so it runs in a simulator.
 */
export class MemoryStorage implements Storage {
  readonly disk: Disk;
  readonly #options: MemoryStorageOptions;
  #plan: FaultPlan | undefined;
  #counted = 0;
  #actions = 0;
  #off = false;

  constructor(disk = new Disk(), options: MemoryStorageOptions = {}) {
    this.disk = disk;
    this.#options = options;
  }

  /** Actions since the beginning. */
  get actions(): number {
    return this.#actions;
  }

  fail(plan: FaultPlan): void {
    this.#plan = plan;
    this.#counted = 0;
  }

  heal(): void {
    this.#plan = undefined;
  }

  /** Cuts the power: whoever uses this storage never hears of it again. */
  crash(random: Random, options: MemoryStorageOptions = {}): MemoryStorage {
    this.#off = true;
    return new MemoryStorage(this.disk.crash(random), options);
  }

  async list(): Promise<string[]> {
    await this.#begin('list', '.');
    return this.disk.names();
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    await this.#begin('read', name);
    const inode = this.disk.inodeOf(name);
    return inode === undefined ? undefined : this.disk.content(inode).slice();
  }

  async open(name: string): Promise<StorageFile> {
    await this.#begin('open', name);
    if (this.disk.inodeOf(name) === undefined) this.#apply({ kind: 'create', name });
    const inode = this.disk.inodeOf(name) ?? 0;
    return {
      size: () => Promise.resolve(this.disk.content(inode).length),
      write: (offset, bytes) => this.#write(name, inode, offset, bytes),
      sync: () => this.#sync(name, inode),
      close: () => Promise.resolve(),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    checkName(to);
    await this.#begin('rename', from);
    if (this.disk.inodeOf(from) === undefined) throw storageError('rename', from, errno('ENOENT'));
    this.#apply({ kind: 'rename', from, to });
  }

  async remove(name: string): Promise<void> {
    await this.#begin('remove', name);
    this.#apply({ kind: 'remove', name });
  }

  async syncFolder(): Promise<void> {
    await this.#begin('syncFolder', '.');
    this.#apply({ kind: 'syncFolder' });
  }

  async #write(name: string, inode: number, offset: number, given: Uint8Array): Promise<void> {
    const bytes = given.slice();
    await this.#begin('write', name, () => {
      // A failing disk takes a part of what it was given.
      const half = bytes.subarray(0, Math.floor(bytes.length / 2));
      this.#apply({ kind: 'write', inode, offset, bytes: half });
    });
    this.#apply({ kind: 'write', inode, offset, bytes });
  }

  async #sync(name: string, inode: number): Promise<void> {
    await this.#begin('sync', name, () => this.#apply({ kind: 'lose', inode }));
    this.#apply({ kind: 'sync', inode });
  }

  #apply(operation: DiskOperation): void {
    this.disk.apply(operation);
    this.#options.trace?.(operation);
  }

  async #begin(action: StorageAction, name: string, onFault?: () => void): Promise<void> {
    if (action !== 'list' && action !== 'syncFolder') checkName(name);
    this.#actions += 1;
    await this.#options.before?.(action);
    if (this.#off) return new Promise(() => undefined);
    const fault = this.#faultOf(action);
    if (fault === undefined) return;
    onFault?.();
    throw storageError(action, name, errno(fault));
  }

  #faultOf(action: StorageAction): StorageFault | undefined {
    const plan = this.#plan;
    if (plan === undefined || !(plan.actions ?? CHANGES).includes(action)) return undefined;
    this.#counted += 1;
    const hit = plan.sticky === true ? this.#counted >= plan.nth : this.#counted === plan.nth;
    return hit ? plan.fault : undefined;
  }
}

function errno(code: string): Error {
  return Object.assign(new TypeError(`${code}: injected`), { code });
}
