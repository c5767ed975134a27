import type { Random } from '#protocol/random.js';
import type { Storage, StorageFile } from './storage-port.js';
import { Disk, type DiskOperation } from './power-cut.js';
import { checkName, storageError } from './storage-error.js';

export type StorageAction =
  'list' | 'read' | 'open' | 'write' | 'sync' | 'rename' | 'remove' | 'syncFolder';
export type StorageFault = 'ENOSPC' | 'EDQUOT' | 'EIO' | 'EROFS' | 'EMFILE' | 'ENFILE' | 'EACCES';

export interface FaultPlan {
  /** Which action fails, counted from 1 from now on, among `actions`. */
  readonly nth: number;
  readonly fault: StorageFault;
  /** True: that one and all later ones until `heal`. */
  readonly sticky?: boolean;
  /** Default: everything that changes something. */
  readonly actions?: readonly StorageAction[];
  /** True: only what needs more space, as a full disk does. */
  readonly growth?: boolean;
  /** True: it is done all the same, and only said to have failed. */
  readonly done?: boolean;
}

export interface MemoryStorageOptions {
  /** Gets every change of the disk, in order. */
  readonly trace?: (operation: DiskOperation) => void;
  /** Awaited before each action: delays it, or never resolves to stop the program there. */
  readonly before?: (action: StorageAction) => Promise<void> | undefined;
}

export const STORAGE_CHANGES: readonly StorageAction[] = [
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

  /** Kills the process that uses this storage: the system keeps what was written and not synced. */
  kill(options: MemoryStorageOptions = {}): MemoryStorage {
    this.#off = true;
    return new MemoryStorage(this.disk, options);
  }

  list(): Promise<string[]> {
    return this.#perform('list', '.', () => this.disk.names());
  }

  read(name: string): Promise<Uint8Array | undefined> {
    return this.#perform('read', name, () => {
      const inode = this.disk.inodeOf(name);
      return inode === undefined ? undefined : this.disk.content(inode).slice();
    });
  }

  open(name: string): Promise<StorageFile> {
    const grows = (): boolean => this.disk.inodeOf(name) === undefined;
    const create = (): StorageFile => {
      if (grows()) this.#apply({ kind: 'create', name });
      return this.#file(name, this.disk.inodeOf(name) ?? 0);
    };
    return this.#perform('open', name, create, { grows });
  }

  async rename(from: string, to: string): Promise<void> {
    checkName(to);
    await this.#perform('rename', from, () => {
      const known = this.disk.inodeOf(from) !== undefined;
      if (!known) throw storageError('rename', from, errno('ENOENT'));
      this.#apply({ kind: 'rename', from, to });
    });
  }

  remove(name: string): Promise<void> {
    return this.#perform('remove', name, () => this.#apply({ kind: 'remove', name }));
  }

  syncFolder(): Promise<void> {
    const lose = (): void => this.#apply({ kind: 'loseFolder' });
    const act = (): void => this.#apply({ kind: 'syncFolder' });
    return this.#perform('syncFolder', '.', act, { onFault: lose });
  }

  #file(name: string, inode: number): StorageFile {
    return {
      size: () => Promise.resolve(this.disk.content(inode).length),
      write: (offset, given) => {
        const bytes = new Uint8Array(given);
        const grows = (): boolean => offset + bytes.length > this.disk.content(inode).length;
        const put = (part: Uint8Array) => (): void =>
          this.#apply({ kind: 'write', inode, offset, bytes: part });
        // A failing disk takes a part of what it was given.
        const half = put(bytes.subarray(0, Math.floor(bytes.length / 2)));
        return this.#perform('write', name, put(bytes), { grows, onFault: half });
      },
      sync: () => {
        const lose = (): void => this.#apply({ kind: 'lose', inode });
        return this.#perform('sync', name, () => this.#apply({ kind: 'sync', inode }), {
          onFault: lose,
        });
      },
      close: () => Promise.resolve(),
    };
  }

  #apply(operation: DiskOperation): void {
    this.disk.apply(operation);
    this.#options.trace?.(operation);
  }

  /** `act` runs in the same turn as the look at the power and at the plan of faults. */
  async #perform<T>(
    action: StorageAction,
    name: string,
    act: () => T,
    faulty: { grows?: () => boolean; onFault?: () => void } = {},
  ): Promise<T> {
    if (name !== '.') checkName(name);
    this.#actions += 1;
    await this.#options.before?.(action);
    if (this.#off) return new Promise(() => undefined);
    const fault = this.#faultOf(action, faulty.grows?.() ?? false);
    if (fault === undefined) return act();
    if (this.#plan?.done === true) act();
    else faulty.onFault?.();
    throw storageError(action, name, errno(fault));
  }

  #faultOf(action: StorageAction, grows: boolean): StorageFault | undefined {
    const plan = this.#plan;
    if (plan?.growth === true && !grows) return undefined;
    if (plan === undefined || !(plan.actions ?? STORAGE_CHANGES).includes(action)) return undefined;
    this.#counted += 1;
    const hit = plan.sticky === true ? this.#counted >= plan.nth : this.#counted === plan.nth;
    return hit ? plan.fault : undefined;
  }
}

function errno(code: string): Error {
  return Object.assign(new TypeError(`${code}: injected`), { code });
}
