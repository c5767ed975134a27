import { completion } from '#protocol/command-line/completion.js';
import { deviceTable } from '#protocol/command-line/twin-text.js';
import { textTable } from '#protocol/command-line/text-table.js';
import { history } from '#protocol/command-line/history-verb.js';
import { twinSet } from '#protocol/command-line/twin-set.js';
import { twinGet, twinWatch } from '#protocol/command-line/twin-verbs.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import type { DeviceDocument } from '#protocol/twin-document.js';
import { EDGETWIN_HUB } from './commands.js';
import { commandList, commandRun, commandShow } from './command-verbs.js';
import { connect } from './connect.js';
import { authorityVerbs, identityVerbs } from './identity-commands.js';

type Verb = (client: ControlClient, args: Arguments, terminal: Terminal) => Promise<void>;

/** The commands that talk to the running hub, by their words. */
export const VERBS: Readonly<Record<string, CommandHandler>> = {
  backup: async (args, terminal) => (await import('./backup-verbs.js')).backup(args, terminal),
  restore: async (args, terminal) => (await import('./backup-verbs.js')).restore(args, terminal),
  'token create': connected(tokenCreate),
  ...identityVerbs(connected),
  ...authorityVerbs(),
  'operator create': connected(operatorCreate),
  'operator list': connected(operatorList),
  'operator remove': connected(operatorRemove),
  audit: connected(async (...call) => (await import('./audit-verb.js')).audit(...call)),
  nodes: connected(nodes),
  devices: connected(devices),
  'alarm clear': connected(alarmClear),
  apply: connected(async (...call) => (await import('./device-verbs.js')).apply(...call)),
  'delete device': connected(async (...call) =>
    (await import('./device-verbs.js')).deleteDevice(...call),
  ),
  forward: connected(async (...call) => (await import('./forward-verb.js')).forward(...call)),
  'twin get': connected(twinGet),
  'twin set': connected(twinSet),
  'twin watch': connected(twinWatch),
  history: connected(history),
  'command run': connected(commandRun),
  'command list': connected(commandList),
  'command show': connected(commandShow),
  completion: completion(EDGETWIN_HUB),
};

function connected(verb: Verb): CommandHandler {
  return async (args, terminal) => verb(await connect(args.required('data')), args, terminal);
}

async function tokenCreate(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const ttlHours = hoursOf(args.required('ttl'));
  const body = { node: args.required('node'), ttlHours };
  const answer = await client.request({ method: 'POST', path: '/api/v1/tokens', body });
  printToken(answer.body, args, terminal);
}

async function operatorCreate(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const [nodes, ttl] = [args.texts('nodes'), args.text('ttl')];
  const body = {
    ...{ name: args.required('name'), role: args.required('role') },
    ...(nodes.length === 0 ? {} : { nodes }),
    ...(ttl === undefined ? {} : { ttlHours: hoursOf(ttl) }),
  };
  const answer = await client.request({ method: 'POST', path: '/api/v1/operators', body });
  printToken(answer.body, args, terminal);
}

async function operatorList(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const { body } = await client.request({ path: '/api/v1/operators' });
  const { operators } = body as { operators: readonly Readonly<Record<string, unknown>>[] };
  const rows = operators.map(({ nodes, ...operator }) => [
    ...[text(operator['name']), text(operator['role'])],
    Array.isArray(nodes) ? nodes.join(' ') : 'all',
    ...['created', 'expires', 'lastUsed'].map((field) => text(operator[field])),
  ]);
  print(body, textTable(OPERATOR_HEADINGS, rows), args, terminal);
}

async function operatorRemove(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const name = args.required('name');
  if (args.on('dry-run')) {
    const { body } = await client.request({ path: '/api/v1/operators' });
    const { operators } = body as { operators: readonly { name: string }[] };
    if (!operators.some((operator) => operator.name === name))
      throw new EdgeError('EDGE_NO_OPERATOR', `there is no operator ${name}`);
    print({ wouldRemove: name }, `would remove ${name}\n`, args, terminal);
    return;
  }
  const path = `/api/v1/operators/${encodeURIComponent(name)}`;
  await client.request({ method: 'DELETE', path });
  print({ removed: name }, `removed ${name}\n`, args, terminal);
}

async function nodes(client: ControlClient, args: Arguments, terminal: Terminal): Promise<void> {
  const found = await everyPage<Readonly<Record<string, unknown>>>(client, 'nodes', {});
  const rows = found.map((node) => [
    text(node['name']),
    node['online'] === true ? 'online' : 'offline',
    text(node['address']),
    text(node['transport']),
    text(node['devices']),
    text(node['lastHeard']),
    text(node['software']),
    (node['alarms'] as readonly { code: string }[]).map(({ code }) => code).join(' '),
  ]);
  const headings = [
    'NODE',
    'STATE',
    'ADDRESS',
    'TRANSPORT',
    'DEVICES',
    'LAST HEARD',
    'SOFTWARE',
    'ALARMS',
  ];
  print({ nodes: found }, textTable(headings, rows), args, terminal);
}

async function alarmClear(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const [node, code] = [args.required('NODE'), args.required('CODE')];
  const isDryRun = args.on('dry-run');
  const alarm = `/api/v1/nodes/${encodeURIComponent(node)}/alarms/${encodeURIComponent(code)}`;
  await client.request({ method: 'DELETE', path: `${alarm}${isDryRun ? '?dryRun=true' : ''}` });
  const json = { node, cleared: code, ...(isDryRun ? { dryRun: true } : {}) };
  print(json, `${isDryRun ? 'would clear' : 'cleared'} ${code} of ${node}\n`, args, terminal);
}

async function devices(client: ControlClient, args: Arguments, terminal: Terminal): Promise<void> {
  const node = args.text('node');
  const filter: Record<string, string> = node === undefined ? {} : { node };
  const found = await everyPage<DeviceDocument>(client, 'devices', filter);
  print({ devices: found }, deviceTable(found), args, terminal);
}

async function everyPage<Item>(
  client: ControlClient,
  list: 'nodes' | 'devices',
  filter: Readonly<Record<string, string>>,
): Promise<readonly Item[]> {
  const items: Item[] = [];
  for (let after: string | undefined; ;) {
    const query = new URLSearchParams({ ...filter, ...(after === undefined ? {} : { after }) });
    const { body } = await client.request({ path: `/api/v1/${list}?${query.toString()}` });
    const page = body as Readonly<Record<string, unknown>>;
    items.push(...(page[list] as readonly Item[]));
    if (typeof page['next'] !== 'string') return items;
    after = page['next'];
  }
}

const OPERATOR_HEADINGS = ['NAME', 'ROLE', 'NODES', 'CREATED', 'EXPIRES', 'LAST USED'];

function printToken(body: unknown, args: Arguments, terminal: Terminal): void {
  print(body, `${(body as { token: string }).token}\n`, args, terminal);
}

function print(body: unknown, forPeople: string, args: Arguments, terminal: Terminal): void {
  terminal.out(args.on('json') ? `${JSON.stringify(body)}\n` : forPeople);
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}

const UNIT_HOURS: Readonly<Record<string, number>> = { m: 1 / 60, h: 1, d: 24 };

function hoursOf(time: string): number {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(time) ?? [];
  const hours = Number(count) * (UNIT_HOURS[unit ?? ''] ?? NaN);
  if (hours > 0) return hours;
  throw new EdgeError('EDGE_USAGE', `${time} is not a time`, {
    hint: 'Write a number with its unit: 90m, 24h or 7d.',
  });
}
