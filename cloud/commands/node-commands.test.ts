import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import type { CommandState } from '#protocol/sync-message-command.js';
import type { Value } from '#protocol/twin.js';
import {
  announceRow,
  boiler,
  counted,
  hex,
  MachineBench,
  only,
  version,
} from '../cloudhub/machine-bench.js';
import type { CommandRequest, Effect } from '../cloudhub/judgement.js';
import { commandKey } from '../store/tables.js';
import type { CommandRecord } from '../store/tables.js';
import { HUB_COMMAND_LIMITS } from './limits.js';

const FEATURES = { features: ['commands'] };
const TTL = 30_000;
const METHOD = { name: 'heat', properties: ['target'] };

/** A node with a boiler that can be told to heat. */
class Bench extends MachineBench {
  #id = 0;

  static ready(): Bench {
    const bench = new Bench();
    bench.connect();
    const description = { ...boiler(), methods: [METHOD] };
    bench.announce(announceRow(1, { description }));
    return bench;
  }

  connect(boot = '1'): Effect[] {
    return this.open({ ...FEATURES, boot: hex(boot) });
  }

  /** HELLO was answered, nothing else: the gateway may not hold WELCOME. */
  greet(boot = '1'): void {
    this.welcome({ ...FEATURES, boot: hex(boot) });
  }

  disconnect(): void {
    this.step({ kind: 'closed', session: this.session });
  }

  run(parts: Partial<CommandRequest> = {}): Effect[] {
    const id = hex(`e${(++this.#id).toString(16)}`);
    const request = { id, device: 'default/boiler', method: 'heat', args: { target: 50 } };
    return this.step({
      kind: 'run-command',
      ...request,
      ttlMs: TTL,
      actor: 'operator:ann',
      ...parts,
    });
  }

  result(
    state: CommandState,
    parts: { command?: string; value?: Value; code?: string } = {},
  ): Effect[] {
    const command = hex('e1');
    return this.say({ kind: 'result', epoch: this.epoch, command, state, ...parts });
  }

  tick(nowMs: number): Effect[] {
    this.nowMs = nowMs;
    return this.step({ kind: 'tick' });
  }

  record(id = 'e1'): CommandRecord {
    const record = this.rows.get('commands', commandKey('gw-1', hex(id)));
    if (record === undefined) throw new TypeError(`no command ${id}`);
    return record;
  }
}

/** What is sent; the goodbye to the session before it is no matter of commands. */
const kinds = (effects: readonly Effect[]): string[] =>
  effects.flatMap((effect) =>
    effect.kind === 'send' && effect.message.kind !== 'bye' ? [effect.message.kind] : [],
  );

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'none';
  } catch (error) {
    return EdgeError.from(error).code;
  }
}

test('SENT, bound to the gateway’s process, is in the transaction that the command waits for (H16)', (t) => {
  const bench = Bench.ready();
  const event = {
    kind: 'run-command',
    ...{ id: hex('e1'), device: 'default/boiler', method: 'heat' },
    ...{ args: { target: 50 }, ttlMs: TTL, actor: 'operator:ann' },
  } as const;
  const judgement = bench.machine.judge(event, { nowMs: 7, wallMs: 0 });
  const [put] = judgement.puts.filter(({ table }) => table === 'commands');
  t.like(put?.row, { state: 'sent', sentTo: hex('1'), method: 'heat' });
  t.like(only(judgement.effects, 'command')[0], {
    ...{ command: hex('e1'), device: 'default/boiler', incarnation: version(1, 1) },
    ...{ method: 'heat', args: { target: 50 }, ttlMs: TTL, issuedMs: 7 },
  });
  t.is(
    bench.rows.get('commands', commandKey('gw-1', hex('e1'))),
    undefined,
    'judging changes nothing',
  );
});

test('a command for a gateway that is away is NEW, and leaves with the first message after WELCOME', (t) => {
  const bench = Bench.ready();
  bench.disconnect();
  t.deepEqual(kinds(bench.run()), []);
  t.is(bench.record().state, 'new');
  bench.greet();
  t.is(bench.record().state, 'new');
  t.deepEqual(kinds(bench.say({ kind: 'ready', epoch: bench.epoch })), ['confirm', 'command']);
  t.like(bench.record(), { state: 'sent', sentTo: hex('1') });
});

test('the same process gets it again, another one is only asked (H14)', (t) => {
  const bench = Bench.ready();
  bench.run();
  t.deepEqual(kinds(bench.tick(10)), [], 'once a session');
  t.deepEqual(kinds(bench.connect()), ['confirm', 'command']);
  t.deepEqual(kinds(bench.connect('2')), ['confirm', 'query']);
  t.like(bench.record(), { state: 'sent', sentTo: hex('1') });
  t.deepEqual(kinds(bench.connect('2')), ['confirm', 'query']);
});

test('a process of the hub on the same machine sends on, with the age that it has', (t) => {
  const bench = Bench.ready();
  bench.nowMs = 1000;
  bench.run();
  bench.uptime = { osBoot: 'os-1', offsetMs: 5000 };
  bench.restart();
  bench.nowMs = 200;
  const [again] = only(bench.connect(), 'command');
  t.is(again?.issuedMs, -4000, 'issued 4.2 s ago on the clock of this process');
});

const ANSWERS: readonly (readonly [CommandState, CommandRecord['state'], boolean])[] = [
  ['done', 'done', true],
  ['failed', 'failed', true],
  ['expired', 'expired', true],
  ['unknown', 'unknown', true],
  ['never-seen', 'unknown', false],
  ['running', 'sent', false],
];
for (const [said, state, resack] of ANSWERS)
  test(`${said} of the gateway makes it ${state}${resack ? ', and is acknowledged' : ''}`, (t) => {
    const bench = Bench.ready();
    bench.run();
    const effects = bench.result(said, { value: 1, code: 'EDGE_X' });
    t.is(bench.record().state, state);
    t.deepEqual(kinds(effects), resack ? ['resack'] : []);
    t.is(
      effects.some(({ kind }) => kind === 'command'),
      state !== 'sent',
      'watchers hear of it',
    );
  });

for (const first of ['done', 'failed', 'expired'] as const)
  test(`${first} never changes; another end is acknowledged and counted`, (t) => {
    const bench = Bench.ready();
    bench.run();
    bench.result(first, { code: 'EDGE_X' });
    const before = bench.record();
    for (const then of ['done', 'failed', 'expired', 'unknown', 'never-seen', 'running'] as const) {
      const effects = bench.result(then, { code: 'EDGE_Y' });
      t.is(bench.record(), before);
      const contradicts = then === 'done' || then === 'failed' || then === 'expired';
      t.is(counted(effects, 'commandsContradicted'), contradicts && then !== first ? 1 : 0);
    }
  });

test('unknown is refined by a later end, and never by another unknown', (t) => {
  const bench = Bench.ready();
  bench.run();
  bench.result('unknown', { code: 'EDGE_EFFECT_UNKNOWN' });
  const before = bench.record();
  bench.result('never-seen');
  t.is(bench.record(), before);
  bench.result('done', { value: 3 });
  t.like(bench.record(), { state: 'done', value: 3, code: undefined });
});

test('time is over: NEW of this process is EXPIRED, SENT is UNKNOWN and asked for (H15)', (t) => {
  const bench = Bench.ready();
  bench.run();
  bench.disconnect();
  bench.run();
  t.is(bench.machine.tickDueMs, TTL);
  bench.tick(TTL);
  t.is(bench.record('e1').state, 'sent');
  const effects = bench.tick(TTL + 1);
  t.like(bench.record('e1'), { state: 'unknown', code: 'EDGE_EFFECT_UNKNOWN' });
  t.like(bench.record('e2'), { state: 'expired', code: 'EDGE_EXPIRED' });
  t.is(counted(effects, 'commandsExpired'), 1);
  t.is(bench.machine.tickDueMs, Infinity);
  const [query, ...others] = only(bench.connect(), 'query');
  t.is(query?.command, hex('e1'));
  t.deepEqual(others, []);
  bench.result('done');
  t.is(bench.record('e1').state, 'done');
  t.deepEqual(kinds(bench.connect()), ['confirm'], 'there is nothing left to ask');
});

test('NEW of an earlier process of the hub is UNKNOWN when its time is over (H15)', (t) => {
  const bench = Bench.ready();
  bench.disconnect();
  bench.run();
  bench.restart();
  bench.tick(TTL + 1);
  t.is(bench.record().state, 'unknown');
});

test('after a restart of the operating system nobody knows its age: unknown at once, never sent', (t) => {
  const bench = Bench.ready();
  bench.disconnect();
  bench.run();
  bench.uptime = { osBoot: 'os-2', offsetMs: 0 };
  bench.restart();
  t.deepEqual(kinds(bench.connect()), ['confirm', 'query']);
  t.is(bench.record().state, 'unknown');
});

test('a hub found to be restored only asks for what it finds; new ones are sent', (t) => {
  const bench = Bench.ready();
  bench.run();
  bench.disconnect();
  bench.run();
  bench.restart();
  bench.run();
  const restored = { hubLineage: hex('dead'), maxDesired: 9 };
  bench.welcome({ ...FEATURES, ...restored });
  for (const id of ['e1', 'e2']) t.like(bench.record(id), { state: 'sent', sentTo: '' });
  t.is(bench.record('e3').state, 'new', 'accepted by this process');
  const effects = bench.say({ kind: 'ready', epoch: bench.epoch });
  t.deepEqual(
    only(effects, 'query').map(({ command }) => command),
    [hex('e1'), hex('e2')],
  );
  t.deepEqual(
    only(effects, 'command').map(({ command }) => command),
    [hex('e3')],
  );
  bench.result('never-seen', { command: hex('e2') });
  t.is(bench.record('e2').state, 'unknown');
});

test('a gateway that lists no commands is sent none: the API is told, older ones wait', (t) => {
  const bench = Bench.ready();
  bench.disconnect();
  bench.run();
  bench.open();
  t.is(bench.record().state, 'new');
  t.is(
    codeOf(() => bench.run()),
    'EDGE_UNSUPPORTED',
  );
  bench.disconnect();
  t.is(
    codeOf(() => bench.run()),
    'none',
  );
});

test('few are under way at a time; the rest stays NEW and follows', (t) => {
  const bench = Bench.ready();
  const { sentInFlight } = HUB_COMMAND_LIMITS;
  for (let n = 0; n < sentInFlight + 2; n++) bench.run();
  const states = [...bench.rows.all('commands').values()].map(({ state }) => state);
  t.is(states.filter((state) => state === 'new').length, 2);
  const [next] = only(bench.result('done'), 'command');
  t.is(next?.command, hex(`e${(sentInFlight + 1).toString(16)}`));
});

test('what does not fit the device is refused before anything is stored', (t) => {
  const bench = Bench.ready();
  t.is(
    codeOf(() => bench.run({ device: 'default/none' })),
    'EDGE_NO_DEVICE',
  );
  t.is(
    codeOf(() => bench.run({ method: 'cool' })),
    'EDGE_NO_METHOD',
  );
  t.is(
    codeOf(() => bench.run({ args: { target: 91 } })),
    'EDGE_RANGE',
  );
  t.is(
    codeOf(() => bench.run({ ttlMs: 8 * 24 * 3_600_000 })),
    'EDGE_RANGE',
  );
  t.is(
    codeOf(() => bench.run({ ttlMs: 0 })),
    'EDGE_RANGE',
  );
  t.is(bench.rows.all('commands').size, 0);
});

test('the same key of the same client is the same command; for another one it is a conflict', (t) => {
  const bench = Bench.ready();
  bench.run({ key: 'k' });
  t.deepEqual(bench.run({ key: 'k' }), []);
  t.is(bench.rows.all('commands').size, 1);
  t.is(
    codeOf(() => bench.run({ key: 'k', args: { target: 51 } })),
    'EDGE_CONFLICT',
  );
  bench.run({ key: 'k', actor: 'operator:bob' });
  t.is(bench.rows.all('commands').size, 2);
});

test('open ones are bounded; of the ended ones the oldest make room', (t) => {
  const bench = Bench.ready();
  bench.disconnect();
  const { openPerNode, endedPerNode } = HUB_COMMAND_LIMITS;
  for (let n = 0; n < openPerNode; n++) bench.run();
  t.is(
    codeOf(() => bench.run()),
    'EDGE_LIMIT',
  );
  bench.tick(TTL + 1);
  bench.run();
  t.is(bench.rows.all('commands').size, endedPerNode);
  t.is(
    codeOf(() => bench.record('e1')),
    'EDGE_INTERNAL',
  );
  bench.connect();
  const effects = bench.result('done', { command: hex('e1') });
  t.deepEqual(kinds(effects), ['resack'], 'a gateway must not say it for ever');
  t.is(counted(effects, 'commandsForgotten'), 1);
});
