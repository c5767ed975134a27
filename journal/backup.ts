import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import {
  type BackupEvent,
  type BackupHead,
  type BackupPart,
  decodeBackup,
  encodeBackup,
} from './backup-codec.js';
import { type BackupContent, verifyBackup, writeBackupFile } from './backup-file.js';
import { fileParts, partsOf, storePart } from './backup-parts.js';
import { openFileStorage } from './file-storage.js';
import { lockFolder, refuseLocked } from './folder-lock.js';
import { recover } from './recovery.js';
import {
  type FolderLayout,
  type RestorePlan,
  checkFiles,
  finishRestore,
  restoreBackup,
} from './restore.js';
import type { Store } from './store.js';
import type { Damage } from './walk.js';

/** What a program knows of itself and where its data is. */
export interface BackupSite {
  readonly program: string;
  readonly software: string;
  readonly node?: string;
  /** The data folder. */
  readonly path: string;
  readonly layout: FolderLayout;
  readonly clock: Clock;
  readonly random: Random;
}

export interface BackupReport {
  readonly file: string;
  readonly bytes: number;
  readonly parts: number;
  readonly made: string;
  readonly durable: boolean;
  readonly withIdentity: boolean;
  /** What was found damaged in the folder of a program that does not run. */
  readonly damage: readonly Damage[];
}

/**
 * The backup of a running program, without its files: the rows of one moment, which no commit
 * after it changes. They were durable when the last byte leaves, unless the head says otherwise.
 */
export async function* backupOfStore(
  store: Pick<Store<object>, 'freeze' | 'commit'>,
  head: Omit<BackupHead, 'durable'>,
): AsyncGenerator<Uint8Array> {
  const tables = store.freeze();
  const durable = await store.commit([]).then(
    () => true,
    () => false,
  );
  yield* encodeBackup({ ...head, durable }, [storePart(tables)]);
}

/**
 * Writes a backup to `file`: of the running program that sends `live`, or without one of the
 * locked folder. Rejects with EDGE_CONFLICT, EDGE_LOCKED, EDGE_STORAGE(_CORRUPT).
 */
export async function writeBackup(
  site: BackupSite,
  file: string,
  options: {
    readonly live: AsyncIterable<Uint8Array> | undefined;
    readonly withIdentity: boolean;
    readonly force: boolean;
  },
): Promise<BackupReport> {
  const { live, withIdentity, force } = options;
  const { path, layout, random } = site;
  const { head, rows, damage, release } =
    live === undefined ? await folderRows(site) : await liveRows(decodeBackup(live));
  try {
    let parts = 0;
    const all = async function* (): AsyncGenerator<BackupPart> {
      for await (const part of rows) yield (parts++, part);
      const names = [...layout.data, ...(withIdentity ? layout.identity : [])];
      for await (const part of fileParts(path, names)) yield (parts++, part);
    };
    const { bytes } = await writeBackupFile(file, encodeBackup(head, all()), { random, force });
    const { made, durable } = head;
    return { file, bytes, parts, made, durable, withIdentity, damage };
  } finally {
    await release();
  }
}

/** What a backup holds. Rejects unless this program, on this node, may restore it. */
export async function checkBackup(site: BackupSite, file: string): Promise<BackupContent> {
  const content = await verifyBackup(file);
  const { program, node } = content.head;
  checkFiles(content.files, site.layout);
  if (program !== site.program)
    throw new EdgeError('EDGE_CONFLICT', `this is a backup of ${program}`, {
      hint: `Restore it with ${program} restore.`,
    });
  if (node !== site.node)
    throw new EdgeError('EDGE_CONFLICT', `this is a backup of ${node ?? 'no node'}`, {
      hint: `This gateway is ${site.node ?? 'none'}: name the right configuration, or the right file.`,
    });
  return content;
}

/** Restores what `checkBackup` gave. Rejects with EDGE_LOCKED while a program uses the folder. */
export async function restore(
  site: BackupSite,
  file: string,
  content: BackupContent,
): Promise<RestorePlan> {
  const { path, layout, random } = site;
  await openFileStorage(path);
  const lock = await lockFolder(path);
  try {
    return await restoreBackup(path, file, content, layout, random);
  } finally {
    await lock.release();
  }
}

/** Rejects with EDGE_LOCKED while a program uses the folder; changes nothing. */
export { refuseLocked };

interface Rows {
  readonly head: BackupHead;
  readonly rows: AsyncIterable<BackupPart>;
  readonly damage: readonly Damage[];
  readonly release: () => Promise<void>;
}

async function liveRows(events: AsyncGenerator<BackupEvent>): Promise<Rows> {
  const first = await events.next();
  if (first.done === true || first.value.kind !== 'head')
    throw new EdgeError('EDGE_PROTOCOL', 'the running program sent no backup');
  return {
    head: first.value.head,
    rows: partsOf(events),
    damage: [],
    release: async () => {
      await events.return(undefined);
    },
  };
}

/** Of a program that does not run: what it would open with. */
async function folderRows({ path, clock, random, ...site }: BackupSite): Promise<Rows> {
  const lock = await lockFolder(path);
  try {
    await finishRestore(path, random);
    const { state } = await recover(lock.guard(await openFileStorage(path)));
    if (state === undefined)
      throw new EdgeError('EDGE_CONFLICT', `there is nothing to back up in ${path}`, {
        hint: 'Name the data folder, or the configuration, of a program that has run.',
      });
    const { program, software, node } = site;
    const made = new Date(clock.wallTime()).toISOString();
    const head = {
      program,
      software,
      made,
      durable: true,
      ...(node === undefined ? {} : { node }),
    };
    const tables = state.tables.freeze();
    const rows = async function* (): AsyncGenerator<BackupPart> {
      yield storePart(tables);
    };
    const { damage } = state;
    return { head, rows: rows(), damage, release: () => lock.release() };
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}
