import test from 'ava';
import { LIMITS } from '#protocol/limits.js';
import type { Hello } from '#protocol/sync-message.js';
import { HUB_LIMITS } from '../limits.js';
import { lineageKey } from '../store/tables.js';
import {
  MachineBench,
  announceRow,
  counted,
  hex,
  only,
  stateRow,
  version,
} from './machine-bench.js';

/** A node that was met with boot 1 and lineage a, and delivered numbers up to `highest`. */
function met(highest: number): MachineBench {
  const bench = new MachineBench();
  bench.open({ state: { value: highest, forks: [{ boot: hex('1'), before: 0 }] } });
  bench.announce(announceRow(1));
  if (highest > 1) bench.state(stateRow(highest, 20));
  return bench;
}

test('a node without history gets generation 1, nothing known, and keeps its lineage', (t) => {
  const welcome = new MachineBench().welcome({ lineage: hex('a') });
  t.like(welcome, {
    epoch: 1,
    gen: 1,
    lineage: hex('a'),
    fork: false,
    resync: false,
    adopt: false,
  });
  t.deepEqual(welcome.known, { state: 0, samples: 0 });
  t.is(welcome.hubGen, 1);
});

test('an emptied hub knows nothing, so the gateway sends all again; its epoch goes on', (t) => {
  const welcome = new MachineBench().welcome({ lastEpoch: 40, state: { value: 100, forks: [] } });
  t.like(welcome, { epoch: 41, gen: 1, fork: false, resync: false });
  t.is(welcome.known.state, 0);
});

const HISTORIES: readonly {
  readonly title: string;
  readonly hello: Partial<Hello>;
  readonly expected: { gen: number; fork: boolean; resync: boolean; known: number; own: boolean };
}[] = [
  {
    title: 'the current lineage that went on',
    hello: { state: { value: 120, forks: [] }, lastEpoch: 1 },
    expected: { gen: 1, fork: false, resync: false, known: 100, own: true },
  },
  {
    title: 'a new process that numbered rows the hub has not met',
    hello: {
      boot: hex('2'),
      state: { value: 120, forks: [{ boot: hex('2'), before: 100 }] },
      lastEpoch: 1,
    },
    expected: { gen: 1, fork: false, resync: false, known: 100, own: true },
  },
  {
    title: 'a restored backup at 50',
    hello: { boot: hex('2'), state: { value: 50, forks: [] } },
    expected: { gen: 2, fork: true, resync: false, known: 50, own: false },
  },
  {
    title: 'a restored backup at 50 that counted past the hub offline (H6)',
    hello: { boot: hex('2'), state: { value: 110, forks: [{ boot: hex('2'), before: 50 }] } },
    expected: { gen: 2, fork: true, resync: false, known: 50, own: false },
  },
  {
    title: 'a backup of an offline boot that connected later (H10)',
    hello: {
      boot: hex('3'),
      state: {
        value: 140,
        forks: [
          { boot: hex('1'), before: 0 },
          { boot: hex('3'), before: 80 },
        ],
      },
    },
    expected: { gen: 2, fork: true, resync: false, known: 80, own: false },
  },
  {
    title: 'a store that was never seen here',
    hello: { lineage: hex('d'), boot: hex('2'), state: { value: 3, forks: [] } },
    expected: { gen: 2, fork: false, resync: true, known: 0, own: true },
  },
];

for (const { title, hello, expected } of HISTORIES) {
  test(`HELLO of ${title}`, (t) => {
    const bench = met(100);
    const welcome = bench.welcome(hello);
    const { gen, fork, resync, known, own } = expected;
    t.like(welcome, { gen, fork, resync, epoch: 2 });
    t.is(welcome.known.state, known);
    t.is(welcome.lineage === (hello.lineage ?? hex('a')), own);
  });

  test(`a lost WELCOME changes nothing for HELLO of ${title} (H7)`, (t) => {
    const bench = met(100);
    const first = bench.welcome(hello);
    for (let lost = 0; lost < 3; lost++) {
      const again = bench.welcome(hello);
      t.is(again.fork, first.fork);
      t.is(again.resync, first.resync);
      t.deepEqual(again.known, first.known);
      t.true(again.epoch > first.epoch);
    }
  });
}

test('a lineage that is not the current one forks, whatever its numbers (H9)', (t) => {
  const bench = met(100);
  bench.open({ boot: hex('2'), state: { value: 50, forks: [] } });
  const welcome = bench.welcome({
    boot: hex('3'),
    lineage: hex('a'),
    state: { value: 60, forks: [] },
  });
  t.like(welcome, { gen: 3, fork: true });
  t.is(welcome.known.state, 60);
});

test('at a fork the mark alone is known, however little the presented lineage delivered (H35)', (t) => {
  const bench = met(100);
  bench.open({ boot: hex('2'), state: { value: 50, forks: [] } });
  const backup = {
    lineage: hex('a'),
    state: { value: 120, forks: [{ boot: hex('1'), before: 0 }] },
  };
  const welcome = bench.welcome({ boot: hex('3'), ...backup });
  t.like(welcome, { gen: 3, fork: true, priorGen: 1 });
  t.is(welcome.known.state, 120, 'the life before may have delivered 101 to 120 as its own');
});

test('a backup restored again: samples that its first fork delivered are known (H36)', (t) => {
  const bench = met(1);
  const backup = { lineage: hex('a'), samples: { value: 10, forks: [] } };
  bench.open({ boot: hex('2'), ...backup });
  const key = lineageKey('gw-1', bench.lineage);
  const row = bench.rows.get('lineages', key);
  t.like(row, { parent: hex('a'), branch: 10, samplesStored: 0 });
  if (row === undefined) return;
  for (const [stored, known] of [
    [4, 4],
    [14, 10],
  ] as const) {
    bench.rows.apply([{ table: 'lineages', key, row: { ...row, samplesStored: stored } }]);
    t.is(bench.welcome({ boot: hex('3'), ...backup }).known.samples, known);
  }
});

test('a lineage of a resync that was never answered is resynced again, above all others', (t) => {
  const bench = met(100);
  const stranger = { lineage: hex('d'), state: { value: 3, forks: [] } };
  t.like(bench.welcome({ ...stranger, boot: hex('2') }), { gen: 2, resync: true });
  bench.open({ boot: hex('3'), state: { value: 50, forks: [] } });
  t.is(bench.epoch, 3);
  const again = bench.welcome({ ...stranger, boot: hex('2'), gen: 2 });
  t.like(again, { gen: 4, resync: true, fork: false, known: { state: 0, samples: 0 } });
  bench.say({ kind: 'ready', epoch: bench.epoch });
  t.like(bench.rows.get('lineages', lineageKey('gw-1', hex('d'))), { gen: 4, resync: false });
});

test('a lost WELCOME over and over does not make the hub forget the gateway’s lineage', (t) => {
  const bench = met(100);
  for (let lost = 0; lost < 3 * LIMITS.lineagesKept; lost++)
    bench.hello({ boot: hex('2'), state: { value: 50, forks: [] } });
  const welcome = bench.welcome({ boot: hex('2'), state: { value: 50, forks: [] } });
  t.like(welcome, { fork: true, resync: false });
  t.is(bench.rows.all('lineages').size, LIMITS.lineagesKept);
  t.not(bench.rows.get('lineages', lineageKey('gw-1', hex('a'))), undefined);
});

test('the epoch is above both the own and the presented one (H26)', (t) => {
  const bench = met(1);
  t.is(bench.welcome({ lastEpoch: 30 }).epoch, 31);
  t.is(bench.welcome({ lastEpoch: 2 }).epoch, 32);
});

test('an epoch out of reach is refused and changes nothing', (t) => {
  const bench = met(1);
  const effects = bench.hello({ lastEpoch: HUB_LIMITS.epochStep + 2 });
  t.is(only(effects, 'bye')[0]?.reason, 'refused');
  t.is(bench.machine.epoch, 1);
});

test('boots are learnt at the first message of the epoch, whatever it is, not at HELLO (H7)', (t) => {
  for (const first of ['ready', 'digest', 'state'] as const) {
    const bench = new MachineBench();
    bench.hello({ boot: hex('7'), state: { value: 2, forks: [{ boot: hex('6'), before: 0 }] } });
    t.deepEqual(bench.rows.get('nodes', 'gw-1')?.learntBoots, []);
    const { epoch } = bench;
    const effects = bench.say(
      first === 'ready'
        ? { kind: 'ready', epoch }
        : first === 'digest'
          ? { kind: 'digest', epoch, state: 0, desired: 0, devices: [] }
          : { kind: 'state', epoch, id: 1, rows: [] },
    );
    t.deepEqual(bench.rows.get('nodes', 'gw-1')?.learntBoots, [hex('6'), hex('7')]);
    t.is(only(effects, 'confirm').length, 1);
    t.is(only(bench.say({ kind: 'ready', epoch }), 'confirm').length, 0);
  }
});

test('the ring of boots learnt keeps the newest', (t) => {
  const bench = new MachineBench();
  for (let boot = 0; boot < LIMITS.gatewayBootsKept + 5; boot++)
    bench.open({ boot: hex(`${boot}`) });
  const learnt = bench.rows.get('nodes', 'gw-1')?.learntBoots ?? [];
  t.is(learnt.length, LIMITS.gatewayBootsKept);
  t.is(learnt.at(-1), hex(`${LIMITS.gatewayBootsKept + 4}`));
});

test('a message of another epoch ends the session', (t) => {
  const bench = met(1);
  const effects = bench.say({ kind: 'ready', epoch: bench.epoch + 1 });
  t.like(
    effects.find(({ kind }) => kind === 'close'),
    { code: 'protocol' },
  );
  t.is(bench.machine.session, undefined);
});

test('messages that only a hub sends end the session', (t) => {
  const bench = met(1);
  const effects = bench.say({ kind: 'confirm', epoch: bench.epoch });
  t.is(counted(effects, 'protocolErrors'), 1);
  t.is(bench.machine.session, undefined);
});

test('no protocol version in common is BYE unsupported, and changes nothing', (t) => {
  const bench = new MachineBench();
  for (const protocol of [
    { min: 2, max: 3 },
    { min: 0, max: 0 },
  ]) {
    t.is(only(bench.hello({ protocol }), 'bye')[0]?.reason, 'unsupported');
    t.is(bench.rows.get('nodes', 'gw-1'), undefined);
  }
});

test('a gateway that forgot its last session raises a notice, a lost WELCOME does not', (t) => {
  const bench = met(1);
  const state = { value: 1, forks: [] };
  bench.hello({ state, lastEpoch: 1 });
  bench.hello({ state, lastEpoch: 1 });
  t.deepEqual(bench.rows.get('nodes', 'gw-1')?.alarms, []);
  bench.open({ state, lastEpoch: 1 });
  bench.open({ state, lastEpoch: 1, boot: hex('2') });
  t.is(bench.rows.get('nodes', 'gw-1')?.alarms[0]?.code, 'EDGE_GATEWAY_RESTORED');
});

test('a gateway on its last good configuration raises an alarm, which goes with the next HELLO', (t) => {
  const bench = new MachineBench();
  const alarms = () => bench.rows.get('nodes', 'gw-1')?.alarms.map(({ detail }) => detail);
  const fallback = 'gateway.yaml:3:1 broker: must be a map\n\u001b[2Jx';
  const state = { value: 0, forks: [] };
  const raised = () =>
    bench
      .open({ state, fallback, lastEpoch: bench.epoch })
      .flatMap((effect) => (effect.kind === 'alarm' ? [effect.code] : []));
  t.deepEqual(raised(), ['EDGE_CONFIG']);
  t.deepEqual(alarms(), ['gateway.yaml:3:1 broker: must be a map [2Jx']);
  t.deepEqual(raised(), []);
  t.is(alarms()?.length, 1);
  bench.open({ state, fallback: 'another fault', lastEpoch: bench.epoch });
  t.deepEqual(alarms(), ['another fault']);
  bench.open({ state, lastEpoch: bench.epoch });
  t.deepEqual(alarms(), []);
});

test('restarts and restored cards raise no clone alarm (H23)', (t) => {
  const bench = met(100);
  for (let boot = 2; boot < 40; boot++)
    bench.open({ boot: hex(`${boot}`), lastEpoch: boot % 3 === 0 ? 0 : boot - 1 });
  const codes = bench.rows.get('nodes', 'gw-1')?.alarms.map(({ code }) => code) ?? [];
  t.false(codes.includes('EDGE_CLONE'));
});

test('a boot that returns is a clone; the third return within an hour is quarantine', (t) => {
  const bench = new MachineBench();
  const [x, y] = [hex('1'), hex('2')];
  bench.open({ boot: x });
  bench.open({ boot: y });
  t.is(counted(bench.open({ boot: y }), 'cloneAlarms'), 0);
  t.is(counted(bench.open({ boot: x }), 'cloneAlarms'), 1);
  t.is(counted(bench.open({ boot: y }), 'cloneAlarms'), 1);
  const third = bench.open({ boot: x });
  t.deepEqual(
    only(third, 'bye').map(({ reason }) => reason),
    ['clone', 'clone'],
  );
  t.is(bench.machine.session, undefined);
  t.is(only(bench.hello({ boot: hex('3') }), 'bye')[0]?.reason, 'clone');
  bench.restart();
  t.is(only(bench.hello({ boot: hex('3') }), 'bye')[0]?.reason, 'clone');

  bench.step({ kind: 'clear-alarm', code: 'EDGE_QUARANTINED' });
  t.is(only(bench.hello({ boot: x }), 'welcome').length, 1);
});

test('returns more than an hour apart do not add up to quarantine', (t) => {
  const bench = new MachineBench();
  for (let turn = 0; turn < 8; turn++) {
    bench.nowMs += HUB_LIMITS.cloneWindowMs;
    t.is(only(bench.open({ boot: hex(turn % 2 === 0 ? '1' : '2') }), 'confirm').length, 1);
  }
});

test('a boot that stays current after the clone is gone raises no further alarm', (t) => {
  const bench = new MachineBench();
  bench.open({ boot: hex('1') });
  bench.open({ boot: hex('2') });
  bench.open({ boot: hex('1') });
  for (let again = 0; again < 5; again++)
    t.is(counted(bench.open({ boot: hex('1') }), 'cloneAlarms'), 0);
});

test('desired values beyond the mark of this hub mean adoption, in this and later sessions (H12)', (t) => {
  const bench = met(1);
  bench.setDesired(10);
  const { hubLineage, hubBoot } = bench.welcome({ lastEpoch: 1 });
  const presented = { hubLineage, hubBoots: [hubBoot], maxDesired: 97, lastEpoch: 2 };
  const welcome = bench.welcome(presented);
  t.true(welcome.adopt);
  t.is(bench.rows.get('nodes', 'gw-1')?.alarms.at(-1)?.code, 'EDGE_HUB_RESTORED');
  for (let more = 0; more < 100; more++) bench.setDesired(more % 90);
  const later = bench.hello({ ...presented, lastEpoch: 3, hubBoots: [hubBoot, hex('c1')] });
  t.true(only(later, 'welcome')[0]?.adopt);
});

test('another hub lineage means adoption; a gateway without one does not', (t) => {
  t.true(met(1).welcome({ hubLineage: hex('e'), lastEpoch: 1 }).adopt);
  t.false(met(1).welcome({ hubLineage: '', lastEpoch: 1 }).adopt);
});

test('nothing desired leaves the hub while it must adopt, and local writes wait (I14)', (t) => {
  const bench = met(1);
  bench.setDesired(10);
  bench.hello({ hubLineage: hex('e'), lastEpoch: 1 });
  const sent = [
    ...bench.say({ kind: 'ready', epoch: bench.epoch }),
    ...bench.say({
      kind: 'digest',
      epoch: bench.epoch,
      state: 1,
      desired: 9,
      devices: [
        {
          device: 'default/boiler',
          incarnation: version(1, 1),
          reported: hex('0'),
          desired: hex('0'),
        },
      ],
    }),
    ...bench.local({ lid: version(1, 5) }),
  ];
  bench.nowMs += HUB_LIMITS.digestWithinMs;
  sent.push(...bench.step({ kind: 'tick' }));
  bench.setDesired(11);
  sent.push(...bench.last);
  t.is(only(sent, 'desired').length, 0);
  t.is(only(sent, 'local-result').length, 0);
  t.is(counted(sent, 'localsHeld'), 1);
});

test('WELCOME lists the hub boots that numbered values and were never heard', (t) => {
  const bench = met(1);
  bench.restart();
  bench.setDesired(10);
  bench.restart();
  bench.setDesired(11);
  const { earlierHubBoots, hubBoot } = bench.welcome({ lastEpoch: 1 });
  t.deepEqual(earlierHubBoots, [hex('c2')]);
  t.is(hubBoot, hex('c3'));
  bench.say({ kind: 'ready', epoch: bench.epoch });
  t.is(bench.welcome({ lastEpoch: 2 }).earlierHubBoots, undefined);
});
