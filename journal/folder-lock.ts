import { constants } from 'node:fs';
import { open, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EdgeError } from '#protocol/errors.js';
import { errnoOf, storageError } from './storage-error.js';

export interface FolderLock {
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
 * names the pid, when a living process holds it, and with EDGE_STORAGE when the lock cannot be
 * written. The lock of a process that is gone is taken over.
 *
 * Each process makes a file whose name says all, then looks at the others: of two that start at
 * once the later one sees the earlier one, so two never hold the folder; both may be refused.
 * Processes are told apart within one pid namespace: containers that share a folder are not.
 */
export async function lockFolder(path: string): Promise<FolderLock> {
  const pid = process.pid;
  const [started, boot] = await Promise.all([startOf(pid), bootId()]);
  const name = `lock.${pid}.${started ?? '0'}.${boot}`;
  try {
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
    await (await open(join(path, name), flags, 0o600)).close();
  } catch (thrown) {
    if (errnoOf(thrown) === 'EEXIST') throw locked(path, pid);
    throw storageError('create', name, thrown);
  }
  const release = (): Promise<void> => rm(join(path, name), { force: true });
  try {
    for (const other of await holders(path)) {
      if (other.name === name) continue;
      if (await isAlive(other, boot)) throw locked(path, other.pid);
      await rm(join(path, other.name), { force: true });
    }
  } catch (thrown) {
    await release().catch(() => undefined);
    throw storageError('lock', path, thrown);
  }
  return { release };
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
