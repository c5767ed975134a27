import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import { randomId } from '#protocol/random.js';

/** Only its owner may read it. */
const PRIVATE_MODE = 0o600;
const PRIVATE_FOLDER_MODE = 0o700;

/**
 * Writes a small secret file so that readers see the old or the new content, never a part, and no
 * other user ever could read it. Durable when it resolves. Rejects with EDGE_STORAGE.
 */
export async function writePrivateFile(path: string, text: string, random: Random): Promise<void> {
  const temporary = `${path}.${randomId(random)}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: PRIVATE_FOLDER_MODE });
    const file = await open(temporary, 'wx', PRIVATE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new EdgeError('EDGE_STORAGE', `${path} cannot be written`, {
      cause,
      hint: 'Check that the folder exists, has space left and belongs to this user.',
    });
  }
}

/** The text of a file, or undefined when there is none. Rejects with EDGE_STORAGE. */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new EdgeError('EDGE_STORAGE', `${path} cannot be read`, {
      cause,
      hint: 'Run the command as the user that runs the program.',
    });
  }
}

/** Nothing happens when there is none. */
export async function removePrivateFile(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
