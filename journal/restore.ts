import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Random } from '#protocol/random.js';
import { STORE_PART } from './backup-parts.js';
import { type BackupContent, readBackupFile } from './backup-file.js';
import { openFileStorage } from './file-storage.js';
import { Journal } from './journal.js';
import { JOURNAL_LIMITS } from './limits.js';
import { readPrivateFile, removePrivateFile, writePrivateFile } from './private-file.js';
import { SnapshotKeeper } from './snapshot-keeper.js';
import { silentLog } from '#protocol/log.js';
import { corrupt, errnoOf, storageError } from './storage-error.js';

/** Names of what a restore puts into a data folder. */
export const PLAN = 'restore.json';
export const STAGED = 'restore-new';
export const ASIDE = /^before-restore-(\d{1,6})$/;
/** The store's own files. */
export const STORE_FILES = /^(journal|snapshot|spare|damaged)-[a-z0-9.-]+$/;

/** What a program keeps in its data folder beside the store, by the first name of its path. */
export interface FolderLayout {
  /** Belongs to the rows: in every backup, and replaced by every restore. */
  readonly data: readonly string[];
  /** Keys and certificates: in a backup when asked for, and replaced when they are in it. */
  readonly identity: readonly string[];
}

export interface RestorePlan {
  /** The folder that keeps what stood there before. */
  readonly aside: string;
  readonly move: readonly string[];
  readonly place: readonly string[];
}

/**
 * Puts a verified backup into the locked folder `path`. All of it is made and synced beside the
 * present files first; then one file, the plan, decides: before it stands nothing has changed, and
 * once it stands `finishRestore` completes the restore, whatever happens in between.
 */
export async function restoreBackup(
  path: string,
  file: string,
  content: BackupContent,
  layout: FolderLayout,
  random: Random,
): Promise<RestorePlan> {
  checkFiles(content.files, layout);
  await finishRestore(path, random);
  const staged = join(path, STAGED);
  try {
    await rm(staged, { recursive: true, force: true });
    await stageStore(staged, content, random);
    await stageFiles(staged, file);
    await syncTree(staged);
    const names = await readdir(path);
    const place = await readdir(staged);
    const gives = (name: string): boolean =>
      STORE_FILES.test(name) ||
      layout.data.includes(name) ||
      place.includes(name.replace(/\.next$/, ''));
    const numbers = names.map((name) => Number(ASIDE.exec(name)?.[1] ?? 0));
    const aside = `before-restore-${Math.max(0, ...numbers) + 1}`;
    const plan = { aside, move: names.filter(gives), place };
    await writePlan(path, { ...plan, step: 'move' }, random);
    await finishRestore(path, random);
    return plan;
  } catch (thrown) {
    throw storageError('restore', path, thrown);
  }
}

/**
 * Completes a restore that was decided and cut off; nothing happens when there is none. Each
 * program calls it with the lock held, before it opens the store.
 */
export async function finishRestore(path: string, random: Random): Promise<void> {
  const text = await readPrivateFile(join(path, PLAN));
  if (text === undefined) return;
  const { step, ...plan } = parsePlan(text);
  const aside = join(path, plan.aside);
  const staged = join(path, STAGED);
  try {
    if (step === 'move') {
      await mkdir(aside, { recursive: true, mode: 0o700 });
      for (const name of plan.move) await moved(join(path, name), join(aside, name));
      await syncFolder(aside);
      await syncFolder(path);
      await writePlan(path, { ...plan, step: 'place' }, random);
    }
    for (const name of plan.place) await moved(join(staged, name), join(path, name));
    await syncFolder(path);
    await removePrivateFile(join(path, PLAN));
    await rm(staged, { recursive: true, force: true });
    await syncFolder(path);
  } catch (thrown) {
    throw storageError('restore', path, thrown);
  }
}

/** Throws EDGE_STORAGE_CORRUPT: a backup must not reach any other file of the folder. */
export function checkFiles(files: readonly string[], { data, identity }: FolderLayout): void {
  for (const file of files) {
    const [top = ''] = file.split('/');
    if (data.includes(top) || identity.includes(top)) continue;
    throw corrupt(
      `the backup has a file that does not belong there: ${file}`,
      'Nothing was changed. Use a backup that this program made.',
    );
  }
}

/** A store of its own chain: a first segment, and a snapshot of all rows. */
async function stageStore(
  staged: string,
  { tables }: BackupContent,
  random: Random,
): Promise<void> {
  const storage = await openFileStorage(staged);
  const journal = await Journal.begin(storage, random, JOURNAL_LIMITS.segmentBytes, 1);
  await journal.close();
  const keeper = new SnapshotKeeper(storage, JOURNAL_LIMITS.segmentBytes, silentLog);
  const { signal } = new AbortController();
  // Twice, so that one may be damaged.
  for (const alone of [true, false])
    await keeper.take(journal.position, tables.freeze(), signal, alone);
}

async function stageFiles(staged: string, file: string): Promise<void> {
  let target: Awaited<ReturnType<typeof open>> | undefined;
  let bytes = 0;
  try {
    for await (const event of readBackupFile(file)) {
      if (event.kind === 'part' && event.name !== STORE_PART) {
        const path = join(staged, event.name);
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        const flags = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY;
        target = await open(path, flags, 0o600);
        bytes = 0;
      } else if (event.kind === 'data' && target !== undefined) {
        await target.write(event.bytes, 0, event.bytes.length, bytes);
        bytes += event.bytes.length;
      } else if (event.kind === 'end' && target !== undefined) {
        await target.sync();
        await target.close();
        target = undefined;
      }
    }
  } finally {
    await target?.close();
  }
}

function writePlan(
  path: string,
  plan: RestorePlan & { readonly step: 'move' | 'place' },
  random: Random,
): Promise<void> {
  return writePrivateFile(join(path, PLAN), `${JSON.stringify(plan)}\n`, random);
}

function parsePlan(text: string): RestorePlan & { readonly step: string } {
  try {
    return JSON.parse(text) as RestorePlan & { step: string };
  } catch {
    throw corrupt(`${PLAN} is damaged, and a restore is not complete`, 'Restore the backup again.');
  }
}

/** What is not there was moved before the restore was cut off. */
async function moved(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  }
}

async function syncTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await syncTree(join(folder, entry.name));
  await syncFolder(folder);
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  await handle.sync().finally(() => handle.close());
}
