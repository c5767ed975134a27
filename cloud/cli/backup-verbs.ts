import { join } from 'node:path';
import { systemClock } from '#protocol/clock.js';
import {
  CONTROL_FILE,
  ControlClient,
  parseControlFile,
} from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { systemRandom } from '#protocol/random.js';
import type { BackupSite } from '#journal/backup.js';
import { backupVerb, restoreVerb } from '#journal/backup-verbs.js';
import { readPrivateFile } from '#journal/private-file.js';
import type { FolderLayout } from '#journal/restore.js';

/** What a hub's data folder holds beside the store. */
const LAYOUT: FolderLayout = { data: ['history'], identity: ['pki'] };

/** Of the running hub, or of its folder when it does not run. */
export async function backup(args: Arguments, terminal: Terminal): Promise<void> {
  const site = siteOf(args);
  const control = await readPrivateFile(join(site.path, CONTROL_FILE));
  const { out, err } = await backupVerb(site, wordsOf(args), {
    live: control === undefined ? undefined : liveBackup(control, terminal.signal),
    withIdentity: args.on('with-identity'),
    force: args.on('force'),
  });
  terminal.err(err);
  terminal.out(out);
}

export async function restore(args: Arguments, terminal: Terminal): Promise<void> {
  const words = { ...wordsOf(args), dryRun: args.on('dry-run') };
  const { out, err } = await restoreVerb(siteOf(args), words);
  terminal.err(err);
  terminal.out(out);
}

function liveBackup(control: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const client = new ControlClient(parseControlFile(control), globalThis.fetch);
  return client.bytes('/api/v1/backup', signal);
}

function siteOf(args: Arguments): BackupSite {
  const program = 'edgetwin-hub';
  return {
    ...{ program, software: program, path: args.required('data'), layout: LAYOUT },
    ...{ clock: systemClock, random: systemRandom },
  };
}

function wordsOf(args: Arguments): { readonly file: string; readonly json: boolean } {
  return { file: args.required('FILE'), json: args.on('json') };
}
