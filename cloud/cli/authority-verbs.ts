import { join } from 'node:path';
import { systemClock } from '#protocol/clock.js';
import {
  CONTROL_FILE,
  ControlClient,
  parseControlFile,
} from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { systemRandom } from '#protocol/random.js';
import { isoTime } from '#protocol/twin-document.js';
import { readPrivateFile } from '#journal/private-file.js';
import {
  AuthorityCare,
  authorityFolder,
  type AuthorityView,
  type CertificateFacts,
} from '../enrolment/authority-care.js';

/** How far the gateways have followed a change of the root, as the running hub knows. */
interface Followers {
  readonly nodes: number;
  /** Names of those that do not trust the next root yet. */
  readonly missing: readonly string[];
}

/** Names that are printed of a list that may be long. */
const NAMES_MAX = 10;

/** The commands of `authority`: they work on the data folder, whether the hub runs or not. */
export const AUTHORITY_VERBS: Readonly<Record<string, CommandHandler>> = {
  'authority show': async (args, terminal) => print(args, terminal, await careOf(args).show()),
  'authority new-issuing': changing('make a new issuing key', (care, args) =>
    care.newIssuing(args.text('root-key')),
  ),
  'authority export-root': changing('move the key of the root out of the hub', (care, args) =>
    care.exportRoot(args.required('out')),
  ),
  'authority rotate begin': changing('make the next root', (care, args) =>
    care.beginRotation(args.text('root-key')),
  ),
  'authority rotate finish': changing('replace the root by the next one', finish),
};

async function finish(care: AuthorityCare, args: Arguments): Promise<AuthorityView> {
  const { next } = await care.show();
  const followers = next === undefined ? undefined : await followersOf(args, next);
  if (next !== undefined && !args.on('force') && followers?.missing.length !== 0)
    throw new EdgeError('EDGE_CONFLICT', `${countOf(followers)} not trust the next root yet.`, {
      hint: 'Those that are away now follow later by themselves, unless you --distrust the old root: --force.',
    });
  return care.finishRotation(args.on('distrust'));
}

function changing(
  what: string,
  change: (care: AuthorityCare, args: Arguments) => Promise<AuthorityView>,
): CommandHandler {
  return async (args, terminal) => {
    const care = careOf(args);
    if (!args.on('dry-run')) return print(args, terminal, await change(care, args));
    const { root } = await care.show();
    const text = `would ${what} ${root.pin.slice(0, 16)}\n`;
    terminal.out(args.on('json') ? `${JSON.stringify({ would: what, root })}\n` : text);
  };
}

function careOf(args: Arguments): AuthorityCare {
  const folder = authorityFolder(args.required('data'));
  return new AuthorityCare({ folder, clock: systemClock, random: systemRandom });
}

async function print(args: Arguments, terminal: Terminal, view: AuthorityView): Promise<void> {
  const followers = view.next === undefined ? undefined : await followersOf(args, view.next);
  if (args.on('json')) {
    terminal.out(`${JSON.stringify({ ...view, ...(followers ? { followers } : {}) })}\n`);
    return;
  }
  const { root, issuing, next, former, concern } = view;
  const lines = [
    `root     ${facts(root)}  its key is ${root.key}`,
    issuing === undefined ? 'issuing  by the root itself' : `issuing  ${facts(issuing)}`,
    ...former.map((one) => `former   ${facts(one)}`),
    ...(next === undefined ? [] : [`next     ${facts(next)}  ${progress(followers)}`]),
    ...(concern === undefined ? [] : [`${concern.message} ${adviceOf(view)}`]),
  ];
  terminal.out(`${lines.join('\n')}\n`);
}

/** A root's key that is here renews what issues without a person. */
function adviceOf({ root, next, concern }: AuthorityView): string {
  const isOnItsWay = concern?.which === 'issuing' && root.key === 'here' && next === undefined;
  return isOnItsWay ? 'A running hub renews it by itself.' : (concern?.hint ?? '');
}

function facts({ pin, until }: CertificateFacts): string {
  return `${pin.slice(0, 16)}  until ${isoTime(until)?.slice(0, 10) ?? '-'}`;
}

function progress(followers: Followers | undefined): string {
  if (followers === undefined) return 'start the hub to see which gateways trust it';
  const { nodes, missing } = followers;
  const names = missing.slice(0, NAMES_MAX).join(' ');
  const rest = missing.length > NAMES_MAX ? ' ...' : '';
  const count = `trusted by ${nodes - missing.length} of ${nodes} gateways`;
  return missing.length === 0 ? count : `${count}; not by ${names}${rest}`;
}

function countOf(followers: Followers | undefined): string {
  if (followers === undefined) return 'The hub does not run: it may be that gateways do';
  const { nodes, missing } = followers;
  return `${missing.length} of ${nodes} gateways do`;
}

/** Undefined: no hub runs that could say it. */
async function followersOf(
  args: Arguments,
  { pin }: CertificateFacts,
): Promise<Followers | undefined> {
  const control = await readPrivateFile(join(args.required('data'), CONTROL_FILE));
  if (control === undefined) return undefined;
  const client = new ControlClient(parseControlFile(control), globalThis.fetch);
  const { body } = await client.request({ path: '/api/v1/roots' });
  const { nodes } = body as { nodes: readonly { node: string; pins: readonly string[] }[] };
  const missing = nodes.filter(({ pins }) => !pins.includes(pin)).map(({ node }) => node);
  return { nodes: nodes.length, missing };
}
