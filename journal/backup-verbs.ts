import { EdgeError } from '#protocol/errors.js';
import {
  type BackupReport,
  type BackupSite,
  checkBackup,
  refuseLocked,
  restore,
  writeBackup,
} from './backup.js';

/** What the words of a command line say. */
export interface BackupWords {
  readonly file: string;
  readonly json: boolean;
}

/** What a command prints: results, and what a person should know beside them. */
export interface Printed {
  readonly out: string;
  readonly err: string;
}

/** `backup`: see `writeBackup`. */
export async function backupVerb(
  site: BackupSite,
  { file, json }: BackupWords,
  options: Parameters<typeof writeBackup>[2],
): Promise<Printed> {
  const report = await writeBackup(site, file, options).catch((thrown: unknown) => {
    const { code } = EdgeError.from(thrown);
    // A program that was killed leaves its control file behind.
    if (code !== 'EDGE_NOT_RUNNING') throw thrown;
    return writeBackup(site, file, { ...options, live: undefined });
  });
  if (json) return { out: `${JSON.stringify(report)}\n`, err: '' };
  const { bytes, parts } = report;
  const out = `wrote ${file}: ${bytes} bytes in ${parts} ${parts === 1 ? 'part' : 'parts'}\n`;
  return { out, err: warningsOf(report) };
}

/** `restore`: see `checkBackup` and `restore`. */
export async function restoreVerb(
  site: BackupSite,
  { file, json, dryRun }: BackupWords & { readonly dryRun: boolean },
): Promise<Printed> {
  const content = await checkBackup(site, file);
  await refuseLocked(site.path);
  const { head, tables, files, bytes } = content;
  const summary = { file, ...head, rows: tables.size, files: files.length, bytes };
  const what = `${tables.size} rows and ${files.length} files, made ${head.made}`;
  if (dryRun) {
    if (json) return { out: `${JSON.stringify({ ...summary, dryRun: true })}\n`, err: '' };
    return { out: `${file} is whole: ${what}; nothing was changed\n`, err: '' };
  }
  const { aside } = await restore(site, file, content);
  if (json) return { out: `${JSON.stringify({ ...summary, aside })}\n`, err: '' };
  const kept = `what stood there is in ${site.path}/${aside}`;
  return { out: `restored ${what}; ${kept}\n`, err: '' };
}

function warningsOf({ durable, withIdentity, damage }: BackupReport): string {
  return [
    ...damage.map(({ file, message }) => `warning: ${file}: ${message}\n`),
    durable ? '' : 'warning: the storage fails, so this was taken from memory\n',
    withIdentity ? 'it holds private keys: keep it where nobody else can read it\n' : '',
  ].join('');
}
