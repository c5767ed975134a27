import test from 'ava';
import type { CommandRequest } from '#protocol/mapper-port.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { bench, json, METER } from './bus-fixture.js';
import { COMMAND_ANSWER_MS, CommandTopics } from './command-topics.js';

const request = (id = '00000000000000aa', notAfterMs = Infinity): CommandRequest => ({
  ...{ id, device: 'default/meter', method: 'reset', args: { count: 0 }, notAfterMs },
});

test('a command goes to the mapper of the device at QoS 0, and its answer comes back', async (t) => {
  const { bus, client } = await bench(t);
  const mapper = await client();
  await mapper.subscribe(['$hw/events/device/+/+/command'], 1);
  const outcome = bus.command(request());
  const { topic, body } = await json(mapper);
  t.is(topic, `${METER}/command`);
  t.like(body, { event_id: '00000000000000aa', method: 'reset', args: { count: 0 } });
  const answer = { event_id: '00000000000000aa', state: 'done', value: { was: 7 } };
  await mapper.publish(`${METER}/command/result`, JSON.stringify(answer), { qos: 1 });
  t.deepEqual(await outcome, { ok: true, value: { was: 7 } });
});

test('no client may publish a command, only its result', async (t) => {
  const { bus, client } = await bench(t);
  const [mapper, forger] = [await client(), await client()];
  await mapper.subscribe([`${METER}/command`], 1);
  await forger.publish(`${METER}/command`, '{"event_id":"x"}', { qos: 1 });
  void bus.command(request());
  const { body } = await json(mapper);
  t.is(body['event_id'], '00000000000000aa', 'the forged one went nowhere');
});

/** A broker that only keeps what is published. */
function topics(filters: readonly string[] = ['#']) {
  const clock = new ManualClock();
  const published: { topic: string; payload: Uint8Array; qos: number }[] = [];
  const broker = {
    publish: (message: (typeof published)[number]) => void published.push(message),
    filtersFor: () => filters,
  };
  const commands = new CommandTopics({ broker, clock });
  const answer = (body: unknown, device = 'default/meter') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const payload = Buffer.from(text);
    commands.result(device, { topic: '', payload, qos: 1, retain: false });
  };
  return { clock, published, commands, answer };
}

test('without a mapper it has failed at once, and nothing is published', async (t) => {
  const { commands, published } = topics([]);
  t.like(await commands.command(request()), { ok: false, code: 'EDGE_DEVICE_CLOSED' });
  t.deepEqual(published, []);
});

test('what is left of its time is told', (t) => {
  const { clock, commands, published } = topics();
  clock.advance(400);
  void commands.command(request('00000000000000aa', 1000));
  t.is(published[0]?.qos, 0);
  t.is(
    (JSON.parse(Buffer.from(published[0]?.payload ?? []).toString()) as { ttl: number }).ttl,
    600,
  );
});

const ID = '00000000000000aa';
const ANSWERS: readonly (readonly [string, unknown, object])[] = [
  [
    'failed',
    { event_id: ID, state: 'failed', code: 'EDGE_X', reason: 'no' },
    { ok: false, code: 'EDGE_X', message: 'no' },
  ],
  ['unknown', { event_id: ID, state: 'unknown' }, { ok: false, unknown: true }],
  ['a state that does not exist', { event_id: ID, state: 'maybe' }, { ok: false, unknown: true }],
  [
    'a value that is too deep',
    `{"event_id":"${ID}","state":"done","value":${'['.repeat(40)}${']'.repeat(40)}}`,
    { ok: false, unknown: true },
  ],
  ['broken JSON with its id', `{"event_id":"${ID}","state":`, { ok: false, unknown: true }],
];
for (const [title, body, expected] of ANSWERS)
  test(`the answer ${title}`, async (t) => {
    const { commands, answer } = topics();
    const outcome = commands.command(request());
    answer(body);
    t.like(await outcome, expected);
  });

test('answers of other devices, of strangers and twice are ignored and counted', async (t) => {
  const { commands, answer } = topics();
  const outcome = commands.command(request());
  const done = { event_id: ID, state: 'done' };
  answer(done, 'plant/pump');
  answer({ event_id: 'nobody', state: 'done' });
  answer(done);
  answer(done);
  t.deepEqual(await outcome, { ok: true });
  t.deepEqual(commands.counters, { commands: 1, commandResults: 1, commandResultsIgnored: 3 });
});

test('silence and the end of the gateway leave it open', async (t) => {
  const { clock, commands } = topics();
  const silent = commands.command(request());
  clock.advance(COMMAND_ANSWER_MS);
  t.like(await silent, { ok: false, code: 'EDGE_TIMEOUT', unknown: true });
  const cut = commands.command(request());
  commands.stop();
  t.like(await cut, { ok: false, unknown: true });
});
