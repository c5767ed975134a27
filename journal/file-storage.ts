import { constants } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Storage, StorageFile } from './storage-port.js';
import { EdgeError } from '#protocol/errors.js';
import { JOURNAL_LIMITS } from './limits.js';
import { checkName, errnoOf, storageError } from './storage-error.js';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * Storage in one real folder, created with mode 0700 when missing; files get mode 0600. Nothing is
 * retried here: whoever asked knows whether an operation may be repeated.
 */
export async function openFileStorage(path: string): Promise<Storage> {
  const folder = resolve(path);
  await attempt('create', folder, async () => {
    const first = await mkdir(folder, { recursive: true, mode: FOLDER_MODE });
    if (first === undefined) return;
    const top = dirname(first);
    for (let parent = dirname(folder); ; parent = dirname(parent)) {
      await syncPath(parent);
      if (parent === top) break;
    }
  });
  return new FileStorage(folder);
}

class FileStorage implements Storage {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  list(): Promise<string[]> {
    return attempt('list', this.#folder, async () => (await readdir(this.#folder)).sort());
  }

  read(name: string): Promise<Uint8Array | undefined> {
    return attempt('read', name, async () => {
      try {
        const path = this.#path(name);
        const { size } = await stat(path);
        if (size > JOURNAL_LIMITS.fileBytes) throw tooLarge(name, size);
        return await readFile(path);
      } catch (thrown) {
        if (errnoOf(thrown) === 'ENOENT') return undefined;
        throw thrown;
      }
    });
  }

  open(name: string): Promise<StorageFile> {
    return attempt(
      'open',
      name,
      async () => new OpenFile(name, await open(this.#path(name), OPEN_FLAGS, FILE_MODE)),
    );
  }

  rename(from: string, to: string): Promise<void> {
    return attempt('rename', from, () => rename(this.#path(from), this.#path(to)));
  }

  remove(name: string): Promise<void> {
    return attempt('remove', name, () => rm(this.#path(name), { force: true }));
  }

  syncFolder(): Promise<void> {
    return attempt('sync', this.#folder, () => syncPath(this.#folder));
  }

  #path(name: string): string {
    checkName(name);
    return join(this.#folder, name);
  }
}

class OpenFile implements StorageFile {
  readonly #name: string;
  readonly #handle: FileHandle;

  constructor(name: string, handle: FileHandle) {
    this.#name = name;
    this.#handle = handle;
  }

  size(): Promise<number> {
    return attempt('stat', this.#name, async () => (await this.#handle.stat()).size);
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return attempt('write', this.#name, async () => {
      // The system may write less than asked, for instance up to the end of the free space.
      for (let done = 0; done < bytes.length;) {
        const left = bytes.length - done;
        const { bytesWritten } = await this.#handle.write(bytes, done, left, offset + done);
        if (bytesWritten === 0) throw noProgress(this.#name);
        done += bytesWritten;
      }
    });
  }

  sync(): Promise<void> {
    return attempt('sync', this.#name, () => this.#handle.datasync());
  }

  close(): Promise<void> {
    return attempt('close', this.#name, () => this.#handle.close());
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

async function attempt<T>(operation: string, name: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (thrown) {
    throw storageError(operation, name, thrown);
  }
}

function noProgress(name: string): EdgeError {
  return new EdgeError('EDGE_STORAGE', `cannot write ${name}: the system wrote no byte`);
}

function tooLarge(name: string, bytes: number): EdgeError {
  return new EdgeError('EDGE_STORAGE', `${name} has ${bytes} bytes`, {
    hint: `A stored file has at most ${JOURNAL_LIMITS.fileBytes} bytes: is this one of ours?`,
  });
}
