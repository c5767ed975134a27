import { deflateRawSync } from 'node:zlib';
import test from 'ava';
import { LIMITS } from '#protocol/limits.js';
import { encodeMessage } from '#protocol/message-codec.js';
import { DICTIONARY_IDS, dictionaryFeatures } from '#protocol/message-dictionary.js';
import type { Hello } from '#protocol/sync-message.js';
import { HUB_LIMITS } from '../limits.js';
import { HubBench } from './hub-bench.js';
import { announceRow, helloOf, hex, stateRow, version } from './machine-bench.js';

test('Authorization.Enable=false, node A writes B’s twin: refused whatever it sends, counted and audited', async (t) => {
  const bench = await HubBench.start();
  const owner = await bench.ready('gw-b', {}, 'default/theirs');
  await bench.fleet.setDesired({
    device: 'default/theirs',
    property: 'target',
    value: 5,
    actor: 'test',
  });
  await bench.run();
  const before = bench.fleet.device('default/theirs');
  const hostile = await bench.ready('gw-a');
  const { epoch } = hostile;
  const theirs = { device: 'default/theirs', incarnation: version(1, 1) };
  hostile.say({ kind: 'state', epoch, id: 2, rows: [stateRow(9, 99, theirs)] });
  hostile.say({
    kind: 'announce',
    epoch,
    id: 3,
    rows: [announceRow(10, { ...theirs, description: null }), announceRow(11, theirs)],
  });
  hostile.say({
    kind: 'local',
    epoch,
    ...theirs,
    property: 'target',
    lid: version(1, 12),
    base: version(1, 1),
    chainStart: version(1, 12),
    value: 66,
  });
  hostile.say({
    kind: 'digest',
    epoch,
    state: 12,
    desired: 0,
    devices: [{ ...theirs, reported: hex('0'), desired: hex('0') }],
  });
  hostile.say({ kind: 'resend', epoch, devices: ['default/theirs'] });
  owner.heard.length = 0;
  await bench.run();
  t.deepEqual(bench.fleet.device('default/theirs'), {
    ...before!,
    properties: bench.fleet.device('default/theirs')!.properties,
  });
  t.deepEqual(
    bench.fleet
      .device('default/theirs')
      ?.properties.map(({ reported, desired }) => [reported, desired?.value]),
    [
      [undefined, undefined],
      [undefined, 5],
    ],
  );
  t.deepEqual(owner.heard, []);
  const rejects = hostile.all('ack').flatMap((ack) => ack.rejects.map(({ code }) => code));
  t.deepEqual(rejects, ['EDGE_FORBIDDEN', 'EDGE_DEVICE_TAKEN']);
  t.like(hostile.all('local-result')[0], { outcome: 'rejected', code: 'EDGE_FORBIDDEN' });
  t.is(hostile.all('desired').length + hostile.all('resend').length, 0);
  t.is(bench.fleet.counters.foreignRows, 5);
  const refusals = bench.audit.filter(({ action }) => action === 'device.refuse');
  t.like(refusals, [
    { actor: 'node:gw-a', subject: 'default/theirs', node: 'gw-a', code: 'EDGE_FORBIDDEN' },
  ]);
  t.deepEqual(
    bench.fleet.node('gw-a')?.alarms.map(({ code }) => code),
    ['EDGE_DEVICE_TAKEN'],
  );
});

test('two nodes that announce one id at the same moment: one owns it, the other is refused', async (t) => {
  const bench = await HubBench.start();
  const gateways = [await bench.gateway('gw-a'), await bench.gateway('gw-b')];
  for (const gateway of gateways) await gateway.open(bench);
  bench.holdSyncs();
  for (const gateway of gateways)
    gateway.say({ kind: 'announce', epoch: gateway.epoch, id: 1, rows: [announceRow(1)] });
  await bench.run();
  bench.releaseSyncs();
  await bench.run();
  const rejects = gateways.map((gateway) => gateway.all('ack')[0]?.rejects.map(({ code }) => code));
  t.deepEqual(rejects, [[], ['EDGE_DEVICE_TAKEN']]);
  t.is(bench.fleet.device('default/boiler')?.node, 'gw-a');
});

test('E34, CVE-2022-31076: hostile bytes close the session as a breach of protocol, and are counted', async (t) => {
  const bench = await HubBench.start();
  const good = encodeMessage(helloOf());
  const hostile = [
    new Uint8Array(0),
    Uint8Array.of(1, 0, 0xff, 0xfe),
    good.slice(0, good.length - 3),
    Uint8Array.of(9, 0, ...good.slice(2)),
    new TextEncoder().encode('{"__proto__":{"polluted":true}}'),
    new Uint8Array(250_000).fill(0x5b),
  ];
  for (const bytes of hostile) {
    const gateway = await bench.gateway();
    gateway.bytes(bytes);
    await bench.run();
    t.is(gateway.closed?.code, 'protocol');
  }
  t.is(bench.fleet.counters.malformedMessages, hostile.length);
  t.log(`${hostile.length} of ${hostile.length} sessions ended`);
  t.is(bench.hub.connections, 0);
  t.is((await bench.ready()).closed, undefined);
});

test('E32, H51: a bomb, noise and an unagreed dictionary close the session, and are counted', async (t) => {
  const bench = await HubBench.start();
  const bomb = deflateRawSync(Buffer.alloc(200 * LIMITS.messageBytes, 0x5b));
  t.true(bomb.length < LIMITS.messageBytes);
  const hostile: [Partial<Hello>, Uint8Array][] = [
    [{ dictionaries: DICTIONARY_IDS }, bomb],
    [{ dictionaries: DICTIONARY_IDS }, Uint8Array.of(0x12, 0x34, 0x56, 0x78)],
    [{ dictionaries: [] }, deflateRawSync('[6,1,null,1,[]]')],
  ];
  for (const [hello, body] of hostile) {
    const gateway = await bench.gateway();
    await gateway.open(bench, hello);
    t.is(gateway.closed, undefined);
    gateway.bytes(Uint8Array.of(1, 1, ...body));
    await bench.run();
    t.is(gateway.closed?.code, 'protocol');
  }
  t.is(bench.fleet.counters.malformedMessages, hostile.length);
});

test('a gateway with the dictionary is answered packed, one without it plain', async (t) => {
  const bench = await HubBench.start();
  for (const [node, dictionaries] of [
    ['gw-new', DICTIONARY_IDS],
    ['gw-old', ['0123456789abcdef']],
  ] as const) {
    const gateway = await bench.ready(node, { dictionaries }, `default/${node}`);
    const features = gateway.all('welcome')[0]?.features;
    t.deepEqual(features, node === 'gw-new' ? dictionaryFeatures(DICTIONARY_IDS) : []);
    t.is(gateway.packed > 0, node === 'gw-new');
    t.is(gateway.all('ack').length, 1);
  }
});

test('a message before WELCOME, a second HELLO and a hub’s message are breaches of protocol', async (t) => {
  const bench = await HubBench.start();
  const early = await bench.gateway('gw-1');
  early.say({ kind: 'ready', epoch: 1 });
  const twice = await bench.gateway('gw-2');
  twice.say(helloOf());
  twice.say(helloOf());
  const wrong = await bench.ready('gw-3', {}, 'default/other');
  wrong.say({ kind: 'confirm', epoch: wrong.epoch });
  await bench.run();
  t.deepEqual(
    [early, twice, wrong].map(({ closed }) => closed?.code),
    ['protocol', 'protocol', 'protocol'],
  );
  t.is(bench.fleet.counters.protocolErrors, 3);
});

test('a message of a type that is not known yet is answered with UNSUPPORTED', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  const body = new TextEncoder().encode(JSON.stringify([99, gateway.epoch, 77, 'later']));
  gateway.bytes(Uint8Array.of(1, 0, ...body));
  await bench.run();
  t.deepEqual(gateway.all('unsupported')[0], { kind: 'unsupported', epoch: gateway.epoch, id: 77 });
  t.is(gateway.closed, undefined);
});

test('no HELLO within ten seconds closes the connection', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.gateway();
  await bench.skip(HUB_LIMITS.helloWithinMs - 1000);
  t.is(gateway.closed, undefined);
  await bench.skip(2000);
  t.is(gateway.closed?.code, 'protocol');
  t.is(bench.hub.connections, 0);
});

test('C20: more sessions than a storm may open are told to try again later', async (t) => {
  const bench = await HubBench.start();
  const identity = { key: '', certificate: 'gw-1', authorities: [] };
  let refused = 0;
  for (let at = 0; at < HUB_LIMITS.handshakeBurst + 50; at++) {
    void bench.network
      .transport()
      .connect({ url: 'wss://hub:443', identity })
      .then((connection) => {
        connection.onClose(() => refused++);
      });
  }
  await bench.run(30);
  t.true(refused >= 45 && refused <= 50, `${refused}`);
  await bench.skip(1000);
  t.is((await bench.gateway('gw-2')).closed, undefined);
});

test('CVE-2022-31079, E32: a gateway that floods the hub is cut off, within bounds', async (t) => {
  const bench = await HubBench.start();
  const gateway = await bench.ready();
  bench.holdSyncs();
  for (let n = 2; n < 3 * HUB_LIMITS.queuedMessages; n++)
    gateway.say({ kind: 'state', epoch: gateway.epoch, id: n, rows: [stateRow(n, n)] });
  await bench.run(200);
  t.is(gateway.closed?.code, 'slow');
  t.is(bench.fleet.counters.slowClosed, 1);
  t.log(`cut after ${HUB_LIMITS.queuedMessages} messages that wait`);
  bench.releaseSyncs();
  await bench.run(200);
  t.is(bench.fleet.node('gw-1')?.online, false);
});

test('an unknown node is refused at the door, a revoked one within seconds', async (t) => {
  const bench = await HubBench.start((own) => own.revoked.add('gw-9'));
  const unknown = await bench.gateway('gw-9');
  await bench.run();
  t.is(unknown.all('bye')[0]?.reason, 'refused');
  t.is(unknown.closed?.code, 'unauthorized');
  t.is(bench.fleet.node('gw-9'), undefined);

  const gateway = await bench.ready();
  bench.revoked.add('gw-1');
  await bench.skip(2000);
  t.is(gateway.closed?.code, 'unauthorized');
  t.is(bench.fleet.node('gw-1')?.online, false);
  t.deepEqual(
    bench.audit.map(({ action, subject }) => [action, subject]),
    [
      ['node.refuse', 'gw-9'],
      ['node.refuse', 'gw-1'],
    ],
  );
});
