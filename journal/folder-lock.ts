import { constants } from 'node:fs';
import { open, readFile, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '#protocol/errors.js';
import type { Storage } from './storage-port.js';
import { errnoOf, storageError } from './storage-error.js';

export interface FolderLock {
  /** The same storage, which writes nothing before the lock is held. */
  guard(storage: Storage): Storage;
  /** Idempotent. */
  release(): Promise<void>;
}

/** Who holds a lock: pid, start in clock ticks since boot, first digits of the boot's id. */
interface Holder {
  readonly name: string;
  readonly pid: number;
  readonly started: string;
  readonly boot: string;
}

/**
 * Locks the folder `path`, which must exist, for this process. Rejects with EDGE_LOCKED, which
 * names the pid, when a living process holds it, and with EDGE_STORAGE when this user may not
 * write there. The lock of a process that is gone is taken over.
 *
 * Where nobody can write now (read-only after an error of the card, full, no descriptors) the lock
 * is not held but the program may run: it serves what it has in memory and says that it keeps
 * nothing. The storage it is given by `guard` takes the lock before its first write that succeeds,
 * so that two such programs do not write either when the folder is well again. It also looks
 * whether the lock is still there, that is: whether this is still the folder.
 *
 * Each process makes a file whose name says all, then looks at the others: of two that start at
 * once the later one sees the earlier one, so two never hold the folder; both may be refused.
 * Processes are told apart within one pid namespace: containers that share a folder are not.
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  const [started, boot] = await Promise.all([startOf(process.pid), bootId()]);
  const name = `lock.${process.pid}.${started ?? '0'}.${boot}`;
  const lock = new LockFile(path, name, boot, await idOf(path));
  try {
    await lock.acquire();
  } catch (thrown) {
    if (!PASSING.includes(errnoOf(thrown) ?? '')) throw thrown;
    // Whoever wrote its lock before the folder became read-only still holds it.
    await lock.refuseOthers();
  }
  return lock;
}

/** Errors of a folder that may be writable again without anybody's doing. */
const PASSING = ['EROFS', 'ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'ENFILE'];

class LockFile implements FolderLock {
  readonly #path: string;
  readonly #name: string;
  readonly #boot: string;
  /** Device and inode of the folder when the program started. */
  readonly #id: string;
  #held = false;
  #acquiring: Promise<void> | undefined;

  constructor(path: string, name: string, boot: string, id: string) {
    this.#path = path;
    this.#name = name;
    this.#boot = boot;
    this.#id = id;
  }

  acquire(): Promise<void> {
    if (this.#held) return Promise.resolve();
    this.#acquiring ??= this.#make().finally(() => {
      this.#acquiring = undefined;
    });
    return this.#acquiring;
  }

  guard(storage: Storage): Storage {
    const locked = async <T>(write: () => Promise<T>): Promise<T> => {
      await this.#check();
      if (!this.#held) await this.acquire();
      return write();
    };
    return {
      list: () => storage.list(),
      read: (name) => storage.read(name),
      open: (name) => locked(() => storage.open(name)),
      rename: (from, to) => locked(() => storage.rename(from, to)),
      remove: (name) => locked(() => storage.remove(name)),
      syncFolder: () => locked(() => storage.syncFolder()),
    };
  }

  async release(): Promise<void> {
    if (!this.#held) return;
    await rm(join(this.#path, this.#name), { force: true });
    this.#held = false;
  }

  /**
   * A folder that was unmounted leaves the empty one below the mount at the same path. What were
   * written there would be acknowledged, and gone after the next start.
   */
  async #check(): Promise<void> {
    const isOurs = this.#held
      ? await exists(join(this.#path, this.#name))
      : (await idOf(this.#path)) === this.#id;
    if (isOurs) return;
    throw new EdgeError('EDGE_STORAGE', `${this.#path} is not the folder that was opened`, {
      hint: 'Was it unmounted? Mount it again, or restart this program.',
    });
  }

  /** Rejects with EDGE_LOCKED. */
  async refuseOthers(): Promise<string[]> {
    try {
      const others = (await holders(this.#path)).filter(({ name }) => name !== this.#name);
      for (const other of others) {
        if (await isAlive(other, this.#boot)) throw locked(this.#path, other.pid);
      }
      return others.map(({ name }) => name);
    } catch (thrown) {
      throw storageError('lock', this.#path, thrown);
    }
  }

  async #make(): Promise<void> {
    const file = join(this.#path, this.#name);
    try {
      const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
      await (await open(file, flags, 0o600)).close();
    } catch (thrown) {
      if (errnoOf(thrown) === 'EEXIST') throw locked(this.#path, process.pid);
      throw storageError('create', this.#name, thrown);
    }
    try {
      for (const name of await this.refuseOthers())
        await rm(join(this.#path, name), { force: true });
      // A lock that a repair of the file system took away would look like another folder.
      await syncPath(this.#path);
    } catch (thrown) {
      await rm(file, { force: true }).catch(() => undefined);
      throw storageError('lock', this.#path, thrown);
    }
    this.#held = true;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return false;
    throw storageError('stat', path, thrown);
  }
}

async function idOf(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev}:${ino}`;
  } catch (thrown) {
    throw storageError('stat', path, thrown);
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Rejects with EDGE_LOCKED while a living process holds the folder. Changes nothing. */
export async function refuseLocked(path: string): Promise<void> {
  const boot = await bootId();
  for (const holder of await holders(path).catch(() => [])) {
    if (await isAlive(holder, boot)) throw locked(path, holder.pid);
  }
}

async function holders(path: string): Promise<Holder[]> {
  return (await readdir(path)).flatMap((name) => {
    const match = /^lock\.(\d{1,10})\.(\d{1,20})\.([0-9a-z]{1,16})$/.exec(name);
    if (match === null) return [];
    const [, pid = '', started = '', boot = ''] = match;
    return { name, pid: Number(pid), started, boot };
  });
}

async function isAlive(holder: Holder, boot: string): Promise<boolean> {
  if (holder.boot !== boot) return false;
  const started = await startOf(holder.pid);
  if (started !== undefined && holder.started !== '0') return started === holder.started;
  return isRunning(holder.pid);
}

/** Start time of a process: field 22 of /proc/PID/stat (proc(5)); undefined when not to be had. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readText(`/proc/${pid}/stat`);
  // The second field is the program's name in brackets and may hold blanks and brackets.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie holds nothing any more.
  return fields?.[0] === 'Z' ? 'zombie' : fields?.[19];
}

async function bootId(): Promise<string> {
  const id = await readText('/proc/sys/kernel/random/boot_id');
  return id?.replaceAll('-', '').slice(0, 16).trim() ?? '0';
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Where there is no /proc to read: a signal 0 reaches a process that runs. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return errnoOf(thrown) === 'EPERM';
  }
}

function locked(path: string, pid: number): EdgeError {
  return new EdgeError('EDGE_LOCKED', `process ${pid} uses ${path}`, {
    hint: `Stop process ${pid} first, or give this one a data folder of its own.`,
  });
}
