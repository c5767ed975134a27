import { EdgeError } from '#protocol/errors.js';

/** What a person should do, by the errno of the system's error. */
const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'The file system is full: free some space. Durability returns by itself.',
  EDQUOT: 'The disk quota is used up: free some space. Durability returns by itself.',
  EROFS: 'The file system is read-only: look for errors of the card in dmesg, then remount it.',
  EMFILE: 'This process has no file descriptors left: raise LimitNOFILE.',
  ENFILE: 'The system has no file descriptors left: find the process that holds them.',
  EACCES: 'The data folder must belong to the user that runs this program.',
  EPERM: 'The data folder must belong to the user that runs this program.',
  EIO: 'The card or disk fails: copy the data folder away and replace it.',
  ENOENT: 'The data folder is gone: was it deleted or unmounted?',
  ENOTDIR: 'The path of the data folder names a file.',
};

/** The errno name of a system error, or of the system error that an EdgeError carries as cause. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if (thrown instanceof EdgeError) return errnoOf(thrown.cause);
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** Wraps what a file operation threw; an EdgeError passes unchanged. */
export function storageError(operation: string, name: string, thrown: unknown): EdgeError {
  if (thrown instanceof EdgeError) return thrown;
  const errno = errnoOf(thrown) ?? 'unknown error';
  const hint = HINTS[errno];
  return new EdgeError('EDGE_STORAGE', `cannot ${operation} ${name}: ${errno}`, {
    cause: thrown,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Stored bytes that cannot be what this program wrote. */
export function corrupt(message: string, hint: string): EdgeError {
  return new EdgeError('EDGE_STORAGE_CORRUPT', message, { hint });
}

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Guards every name that reaches a folder: no separators, no parents, nothing hidden. */
export function checkName(name: string): void {
  if (NAME.test(name)) return;
  throw new EdgeError('EDGE_INTERNAL', `not a name for a stored file: ${JSON.stringify(name)}`);
}
