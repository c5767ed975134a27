import { join as joinPath } from 'node:path';
import {
  CONTROL_FILE,
  ControlClient,
  notRunning,
  parseControlFile,
} from '#protocol/command-line/control-client.js';
import { completion } from '#protocol/command-line/completion.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { history } from '#protocol/command-line/history-verb.js';
import { twinSet } from '#protocol/command-line/twin-set.js';
import { twinGet, twinWatch } from '#protocol/command-line/twin-verbs.js';
import { EdgeError } from '#protocol/errors.js';
import { readPrivateFile } from '#journal/private-file.js';
import type { GatewayStatus } from '../metaserver/status.js';
import { EDGETWIN } from './commands.js';
import { configFile, readSite } from './gateway-file.js';
import { statusText } from './status-text.js';

type Verb = (client: ControlClient, args: Arguments, terminal: Terminal) => Promise<void>;

/** The commands that talk to the running gateway, and `join`, by their words. */
export const VERBS: Readonly<Record<string, CommandHandler>> = {
  join: joinHub,
  status: connected(status),
  'alarm clear': connected(alarmClear),
  backup: async (args, terminal) => (await import('./backup-verbs.js')).backup(args, terminal),
  restore: async (args, terminal) => (await import('./backup-verbs.js')).restore(args, terminal),
  'client add': async (...call) => (await import('./client-verbs.js')).clientAdd(...call),
  'client list': async (...call) => (await import('./client-verbs.js')).clientList(...call),
  'client remove': async (...call) => (await import('./client-verbs.js')).clientRemove(...call),
  'twin get': connected(twinGet),
  'twin set': connected(twinSet),
  'twin watch': connected(twinWatch),
  history: connected(history),
  'factory-reset': async (args, terminal) =>
    (await import('./factory-reset.js')).factoryReset(args, terminal),
  verify: async (args, terminal) => (await import('./verify-verb.js')).verifyVerb(args, terminal),
  completion: completion(EDGETWIN),
};

function connected(verb: Verb): CommandHandler {
  return async (args, terminal) => {
    const { dataDir } = await readSite(await configFile(args));
    const text = await readPrivateFile(joinPath(dataDir, CONTROL_FILE));
    if (text === undefined) throw notRunning();
    await verb(new ControlClient(parseControlFile(text), globalThis.fetch), args, terminal);
  };
}

async function status(client: ControlClient, args: Arguments, terminal: Terminal): Promise<void> {
  const { body } = await client.request({ path: '/api/v1/status' });
  terminal.out(args.on('json') ? `${JSON.stringify(body)}\n` : statusText(body as GatewayStatus));
}

async function alarmClear(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const code = args.required('CODE');
  const isDryRun = args.on('dry-run');
  const path = `/api/v1/alarms/${encodeURIComponent(code)}${isDryRun ? '?dryRun=true' : ''}`;
  await client.request({ method: 'DELETE', path });
  const json = { cleared: code, ...(isDryRun ? { dryRun: true } : {}) };
  const text = `${isDryRun ? 'would clear' : 'cleared'} ${code}`;
  terminal.out(`${args.on('json') ? JSON.stringify(json) : text}\n`);
}

/** A key that is not to be made here. */
async function tokenKey(args: Arguments): Promise<string | undefined> {
  const [uri, request] = [args.text('key'), args.text('request')];
  if (uri === undefined && request === undefined) return undefined;
  if (uri === undefined || request === undefined)
    throw new EdgeError('EDGE_USAGE', '--key and --request belong together', {
      hint: 'The request is made by the token that holds the key: docs/identity.md.',
    });
  const { readBoundedText } = await import('#journal/bounded-file.js');
  const { tokenKeyText } = await import('#tunnel/transport.js');
  return tokenKeyText({ uri, request: await readBoundedText(request, REQUEST_BYTES) });
}

/** Bytes of a certification request: one of P-256 has 500. */
const REQUEST_BYTES = 8 * 1024;

async function joinHub(args: Arguments, terminal: Terminal): Promise<void> {
  const { node, dataDir } = await readSite(await configFile(args));
  const { join } = await import('../edgehub/join.js');
  const joined = await join({
    token: args.required('token'),
    node,
    dataDir,
    key: await tokenKey(args),
    force: args.on('force'),
  });
  terminal.out(
    args.on('json')
      ? `${JSON.stringify(joined)}\n`
      : `joined ${joined.hub} as ${joined.node}; start the gateway with: edgetwin run\n`,
  );
}
