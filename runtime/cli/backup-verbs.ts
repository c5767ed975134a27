import { join } from 'node:path';
import {
  CONTROL_FILE,
  ControlClient,
  parseControlFile,
} from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { systemClock } from '#protocol/clock.js';
import { systemRandom } from '#protocol/random.js';
import type { BackupSite } from '#journal/backup.js';
import { backupVerb, restoreVerb } from '#journal/backup-verbs.js';
import { readPrivateFile } from '#journal/private-file.js';
import type { FolderLayout } from '#journal/restore.js';
import { configFile, readSite } from './gateway-file.js';

/** What a gateway's data folder holds beside the store. */
export const LAYOUT: FolderLayout = {
  data: ['history'],
  identity: ['node.key', 'node.crt', 'ca.crt', 'hub.json', 'mqtt-clients.json'],
};

/** Of the running gateway, or of its folder when it does not run. */
export async function backup(args: Arguments, terminal: Terminal): Promise<void> {
  const site = await siteOf(args);
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
  const { out, err } = await restoreVerb(await siteOf(args), words);
  terminal.err(err);
  terminal.out(out);
}

function liveBackup(control: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  const client = new ControlClient(parseControlFile(control), globalThis.fetch);
  return client.bytes('/api/v1/backup', signal);
}

async function siteOf(args: Arguments): Promise<BackupSite> {
  const { node, dataDir } = await readSite(await configFile(args));
  const program = 'edgetwin';
  return {
    ...{ program, software: program, node, path: dataDir, layout: LAYOUT },
    ...{ clock: systemClock, random: systemRandom },
  };
}

function wordsOf(args: Arguments): { readonly file: string; readonly json: boolean } {
  return { file: args.required('FILE'), json: args.on('json') };
}
