import anyTest from 'ava';
import type { TestFn } from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { runCommandLine } from '#protocol/command-line/terminal.js';
import { commandName } from '#protocol/command-line/command.js';
import type { Commands, CommandView, RunCommand } from '../fleet.js';
import { EDGETWIN_HUB } from '../cli/commands.js';
import { VERBS } from '../cli/verbs.js';
import type { JsonSchema } from './json-schema.js';
import { answerSchema, schemaBreaches } from './openapi-check.js';
import { ServedFleet } from './served-fleet.js';

/** The fake of the port: commands end when the test says so. */
class MemoryCommands implements Commands {
  readonly list: CommandView[] = [];
  refusal: EdgeError | undefined;
  asked: RunCommand | undefined;
  onRun: (command: CommandView) => void = () => undefined;

  async run(request: RunCommand): Promise<CommandView> {
    this.asked = request;
    if (this.refusal !== undefined) throw this.refusal;
    const { key } = request;
    const same = this.list.find((one) => key !== undefined && one.key === key);
    if (same !== undefined) return Promise.resolve(same);
    const id = (this.list.length + 1).toString(16).padStart(16, '0');
    const command: CommandView = { ...request, id, node: 'pi-1', at: 0, state: 'new' };
    this.list.unshift(command);
    this.onRun(command);
    return Promise.resolve(command);
  }

  command(id: string): CommandView | undefined {
    return this.list.find((one) => one.id === id);
  }

  commandsOf(device: string): readonly CommandView[] | undefined {
    return device === 'default/meter' ? this.list : undefined;
  }
}

interface Context {
  readonly hub: ServedFleet;
  readonly commands: MemoryCommands;
  readonly document: JsonSchema;
}
const test = anyTest as TestFn<Context>;

test.beforeEach(async (t) => {
  const commands = new MemoryCommands();
  const hub = await ServedFleet.start({ commands });
  const document = (await (await fetch(`${hub.url}/openapi.json`)).json()) as JsonSchema;
  t.context = { hub, commands, document };
});

test.afterEach.always((t) => t.context.hub.stop());

const OF_DEVICE = '/api/v1/devices/{namespace}/{name}/commands';
const METER = '/api/v1/devices/default/meter/commands';

async function ask(
  { hub, document }: Context,
  [route, path]: readonly [string, string],
  { token, body, key }: { token: string; body?: unknown; key?: string },
) {
  const method = body === undefined ? 'GET' : 'POST';
  const headers = {
    authorization: `Bearer ${token}`,
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(hub.url + path, { method, headers, ...sent });
  const parsed = (await response.json()) as Record<string, unknown>;
  const mediaType = response.headers.get('content-type')?.split(';')[0] ?? '';
  const schema = answerSchema(document, method, route, response.status, mediaType);
  const breaches = schema === undefined ? ['no schema'] : schemaBreaches(document, schema, parsed);
  if (breaches.length > 0) throw new TypeError(`${route}: ${breaches.join('; ')}`);
  return { status: response.status, body: parsed, location: response.headers.get('location') };
}

test('a command is accepted with its place, and shown there and with its device', async (t) => {
  const { commands } = t.context;
  const token = await t.context.hub.token('operator');
  const body = { method: 'reset', args: { setpoint: 1 }, ttlMs: 5000 };
  const made = await ask(t.context, [OF_DEVICE, METER], { token, body });
  t.is(made.status, 202);
  t.is(made.location, '/api/v1/commands/0000000000000001');
  t.like(made.body, { ...body, state: 'new', device: 'default/meter' });
  t.regex(String(made.body['actor']), /^operator:/);
  const shown = await ask(t.context, ['/api/v1/commands/{command}', made.location ?? ''], {
    token,
  });
  t.deepEqual(shown.body, made.body);
  await ask(t.context, [OF_DEVICE, METER], { token, body: { method: 'reset' } });
  t.like(commands.asked, { args: {}, ttlMs: 30_000 });
  const page = await ask(t.context, [OF_DEVICE, `${METER}?limit=1`], { token });
  t.like(page.body, { commands: [{ id: '0000000000000002' }], next: '0000000000000002' });
  const rest = await ask(t.context, [OF_DEVICE, `${METER}?limit=1&after=0000000000000002`], {
    token,
  });
  t.like(rest.body, { commands: [{ id: '0000000000000001' }] });
  t.false('next' in rest.body);
});

test('the same key gives the same command; once it has ended, with 200', async (t) => {
  const { commands } = t.context;
  const token = await t.context.hub.token('operator');
  const again = () =>
    ask(t.context, [OF_DEVICE, METER], { token, body: { method: 'reset' }, key: 'k-1' });
  t.is((await again()).status, 202);
  commands.list[0] = { ...commands.list[0]!, state: 'done', value: null, endedAt: 1 };
  const ended = await again();
  t.is(ended.status, 200);
  t.like(ended.body, { state: 'done', value: null, key: 'k-1' });
});

test('what is wrong is told apart', async (t) => {
  const token = await t.context.hub.token('operator');
  const post = (body: unknown, key?: string) =>
    ask(t.context, [OF_DEVICE, METER], { token, body, ...(key === undefined ? {} : { key }) });
  for (const body of [
    {},
    { method: '' },
    { method: 'x', ttlMs: 1 },
    { method: 'x', ttlMs: 1.5e9 },
    { method: 'x', other: 1 },
  ])
    t.is((await post(body)).status, 400, JSON.stringify(body));
  t.is((await post({ method: 'x' }, 'a key')).status, 400);
  t.is((await post({ method: 'x' }, 'k'.repeat(129))).status, 400);
  t.context.commands.refusal = new EdgeError('EDGE_NO_METHOD', 'no method');
  t.like(await post({ method: 'x' }), { status: 404, body: { code: 'EDGE_NO_METHOD' } });
  const none = ['/api/v1/commands/{command}', '/api/v1/commands/0000000000000009'] as const;
  t.like(await ask(t.context, none, { token }), { status: 404, body: { code: 'EDGE_NO_COMMAND' } });
  const other = [OF_DEVICE, '/api/v1/devices/default/none/commands'] as const;
  t.like(await ask(t.context, other, { token }), { status: 404, body: { code: 'EDGE_NO_DEVICE' } });
  const viewer = await t.context.hub.token('viewer');
  const forbidden = await ask(t.context, [OF_DEVICE, METER], {
    token: viewer,
    body: { method: 'x' },
  });
  t.is(forbidden.status, 403);
});

async function run({ hub }: Context, ...argv: readonly string[]) {
  let [out, err] = ['', ''];
  const terminal = {
    out: (text: string) => void (out += text),
    err: (text: string) => void (err += text),
    signal: new AbortController().signal,
  };
  const [first = '', second = '', ...rest] = argv;
  const code = await runCommandLine(
    EDGETWIN_HUB,
    () => '0',
    async (command) => Promise.resolve(VERBS[commandName(command)]!),
    [first, second, '--data', hub.dataDir, ...rest],
    terminal,
  );
  return { code, out, err };
}

test('command run prints its id at once; list and show tell of it', async (t) => {
  const made = await run(
    t.context,
    'command',
    'run',
    'meter',
    'reset',
    '{"setpoint":1}',
    '--ttl',
    '2m',
  );
  t.deepEqual(made, {
    code: 0,
    out: 'accepted 0000000000000001 default/meter reset new\n',
    err: '',
  });
  t.like(t.context.commands.asked, { ttlMs: 120_000, args: { setpoint: 1 } });
  t.regex(
    (await run(t.context, 'command', 'list', 'meter')).out,
    /^COMMAND .*\n0{15}1 .* reset +new/,
  );
  t.regex((await run(t.context, 'command', 'show', '0000000000000001')).out, /state +new\n/);
  t.is((await run(t.context, 'command', 'show', 'none')).code, 4);
  t.is((await run(t.context, 'command', 'run', 'meter', 'reset', '{')).code, 2);
  t.is((await run(t.context, 'command', 'run', 'meter', 'reset', '--ttl', 'soon')).code, 2);
});

const ENDS = [
  ['done', 0, ''],
  ['failed', 4, 'EDGE_DEVICE_TIMEOUT'],
  ['expired', 4, 'EDGE_EXPIRED'],
  ['unknown', 1, 'EDGE_EFFECT_UNKNOWN'],
] as const;
for (const [state, code, text] of ENDS)
  test(`command run --wait ends with ${code} for ${state}`, async (t) => {
    const { commands, hub } = t.context;
    commands.onRun = (command) => {
      const error = state === 'failed' ? 'EDGE_DEVICE_TIMEOUT' : text;
      const ended: CommandView = { ...command, state, ...(error === '' ? {} : { code: error }) };
      // The hub answers, then others see what became of it.
      setImmediate(() => setImmediate(() => hub.fleet.news({ kind: 'command', command: ended })));
    };
    const waited = await run(t.context, 'command', 'run', 'meter', 'reset', '--wait', '--json');
    t.is(waited.code, code, waited.err);
    t.like(JSON.parse(waited.out), { id: '0000000000000001', state });
    t.regex(waited.err, new RegExp(text));
  });
