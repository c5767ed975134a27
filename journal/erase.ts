import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFolder, refuseLocked } from './folder-lock.js';
import { ASIDE, PLAN, STAGED, STORE_FILES, syncFolder } from './restore.js';
import type { FolderLayout } from './restore.js';
import { errnoOf, storageError } from './storage-error.js';

/** Names in a data folder, sorted: those that a program made there, and those of somebody else. */
export interface Belongings {
  /** Keys and certificates, and copies of them: gone first. */
  readonly identity: readonly string[];
  readonly other: readonly string[];
  /** Not known here, and never touched: the folder may have been named by mistake. */
  readonly foreign: readonly string[];
}

/** Rejects with EDGE_LOCKED while a program uses the folder. Changes nothing. */
export async function belongingsOf(path: string, layout: FolderLayout): Promise<Belongings> {
  await refuseLocked(path);
  return sort(await namesIn(path), layout);
}

/**
 * Removes what a program made in its data folder: nothing of its identity, its rows, their copies.
 * Interrupted it has removed a part, the identity first; repeated it ends. Rejects with EDGE_LOCKED
 * while a program uses the folder, with EDGE_STORAGE when something cannot be removed.
 */
export async function eraseFolder(path: string, layout: FolderLayout): Promise<Belongings> {
  const names = await namesIn(path);
  if (names.length === 0) return sort([], layout);
  const lock = await lockFolder(path);
  try {
    const found = sort(await namesIn(path), layout);
    for (const group of [found.identity, found.other]) {
      for (const name of group) await rm(join(path, name), { recursive: true, force: true });
      await syncFolder(path);
    }
    return found;
  } catch (thrown) {
    throw storageError('erase', path, thrown);
  } finally {
    await lock.release();
  }
}

function sort(names: readonly string[], layout: FolderLayout): Belongings {
  const groups = { identity: [] as string[], other: [] as string[], foreign: [] as string[] };
  for (const name of names) {
    // What was being written when a power cut came.
    const whole = name.replace(/(\.[0-9a-f]{8,64}\.tmp|\.next)+$/, '');
    if (layout.identity.includes(whole) || ASIDE.test(name) || name === STAGED)
      groups.identity.push(name);
    else if (
      STORE_FILES.test(name) ||
      name === PLAN ||
      OWN.has(whole) ||
      layout.data.includes(name)
    )
      groups.other.push(name);
    else groups.foreign.push(name);
  }
  return groups;
}

/** Of the running program, left behind by a kill, and the configuration that worked. */
const OWN = new Set(['control.json', 'last-good.json']);

/** Without the locks: that of a dead program goes when the folder is locked. */
async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).filter((name) => !name.startsWith('lock.')).sort();
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return [];
    throw storageError('list', path, thrown);
  }
}
