import { connect } from 'node:net';
import test from 'ava';
import { EventStreamParser } from '#protocol/event-stream.js';
import type { ServerEvent } from '#protocol/event-stream.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { API_LIMITS } from './limits.js';
import { MemoryFleet, sampleDevice } from './memory-fleet.js';
import { ServedFleet } from './served-fleet.js';
import { Watches } from './watch.js';
import type { WatchFilter } from './watch.js';

function setUp(limits = {}) {
  const fleet = new MemoryFleet();
  fleet.putNode({ name: 'pi-1', online: true, epoch: 1, devices: 2, alarms: [] });
  fleet.putDevice(sampleDevice('a/one', 'pi-1'));
  fleet.putDevice(sampleDevice('b/two', 'pi-2'));
  const clock = new ManualClock();
  const watches = new Watches(fleet, clock, { ...API_LIMITS, ...limits });
  const open = (filter: WatchFilter = {}, stillAllowed = () => true) =>
    watches.open(filter, stillAllowed).getReader();
  return { fleet, clock, watches, open };
}

/** Reads until `count` events are there. */
async function take(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  count: number,
): Promise<ServerEvent[]> {
  const parser = new EventStreamParser();
  const events: ServerEvent[] = [];
  while (events.length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    events.push(...parser.push(Buffer.from(value).toString()));
  }
  return events;
}

test('a watch begins with a snapshot and goes on with each change in order', async (t) => {
  const { fleet, open } = setUp();
  const reader = open();
  const [snapshot] = await take(reader, 1);
  t.like(snapshot, {
    event: 'snapshot',
    data: { last: true, nodes: [{ name: 'pi-1' }], devices: [{ id: 'a/one' }, { id: 'b/two' }] },
  });
  for (let value = 1; value <= 100; value++) fleet.report('a/one', 'level', value);
  fleet.putNode({ name: 'pi-1', online: false, epoch: 1, devices: 2, alarms: [] });
  fleet.removeDevice('b/two');
  const events = await take(reader, 102);
  const values = events.slice(0, 100).map(({ data }) => data as { property: { reported: object } });
  t.deepEqual(
    values.map(({ property }) => (property.reported as { value: number }).value),
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
  t.like(events[100], { event: 'node', data: { online: false } });
  t.like(events[101], { event: 'device-removed', data: { node: 'pi-2', device: 'b/two' } });
});

test('a filter keeps everything else out, of the snapshot and of the changes', async (t) => {
  const { fleet, open } = setUp();
  for (const filter of [{ device: 'a/one' }, { node: 'pi-1' }]) {
    const reader = open(filter);
    const [snapshot] = await take(reader, 1);
    t.like(snapshot, { data: { devices: [{ id: 'a/one' }] } });
    t.is((snapshot!.data as { devices: unknown[] }).devices.length, 1);
    fleet.report('b/two', 'level', 1);
    fleet.report('a/one', 'level', 2);
    t.like((await take(reader, 1))[0], { event: 'property', data: { device: 'a/one' } });
    await reader.cancel();
  }
});

test('a long snapshot comes in parts, and a change is in it or after it, never lost', async (t) => {
  const { fleet, open } = setUp({ snapshotPartBytes: 2_000 });
  for (let index = 0; index < 60; index++)
    fleet.putDevice(sampleDevice(`c/d${String(index).padStart(2, '0')}`, 'pi-1'));
  const reader = open();
  const latest = new Map<string, unknown>();
  const note = ({ event, data }: ServerEvent): boolean => {
    const { last, devices } = data as { last: boolean; devices: Device[] };
    if (event === 'property') {
      const change = data as { device: string; property: Device['properties'][0] };
      latest.set(change.device, change.property.reported?.value);
    } else for (const { id, properties } of devices) latest.set(id, properties[1]!.reported?.value);
    return event === 'snapshot' && last;
  };
  interface Device {
    id: string;
    properties: { reported?: { value: unknown } }[];
  }
  let parts = 0;
  for (let done = false; !done; parts++) {
    for (const event of await take(reader, 1)) done = note(event) || done;
    const id = ['a/one', undefined, 'c/d30', undefined, 'c/d59', undefined][parts % 6];
    if (id !== undefined) fleet.report(id, 'level', parts);
  }
  t.true(parts > 5);
  fleet.report('c/d59', 'level', -1);
  while (latest.get('c/d59') !== -1) (await take(reader, 1)).forEach(note);
  for (const { description, properties } of fleet.devices())
    t.is(latest.get(description.id), properties[1]!.reported?.value, description.id);
});

test('a reader that does not read is cut at the byte limit and counted; others go on', async (t) => {
  const { fleet, watches, open } = setUp({ watchQueueBytes: 10_000, snapshotPartBytes: 1_000 });
  const [lazy, keen] = [open(), open()];
  await take(lazy, 1);
  await take(keen, 1);
  for (let value = 0; value < 100; value++) {
    fleet.report('a/one', 'level', value);
    await take(keen, 1);
  }
  t.like(watches.counters(), { open: 1, cut: 1 });
  await t.throwsAsync(async () => {
    while (!(await lazy.read()).done);
  });
  t.is(fleet.watchers, 1);
});

test('a quiet watch carries comments, and ends when its token is no longer valid', async (t) => {
  const { clock, open, watches } = setUp();
  let allowed = true;
  const reader = open({}, () => allowed);
  await take(reader, 1);
  clock.advance(API_LIMITS.watchKeepAliveMs);
  t.regex(Buffer.from((await reader.read()).value!).toString(), /^: /);
  allowed = false;
  clock.advance(API_LIMITS.watchKeepAliveMs);
  t.true((await reader.read()).done);
  t.is(watches.counters().open, 0);
  t.deepEqual(clock.pending(), []);
});

test('there are never more watches than the limit, and a closed one frees its place', async (t) => {
  const { open } = setUp({ watchers: 2 });
  const first = open();
  open();
  t.throws(() => open(), { code: 'EDGE_LIMIT' });
  await first.cancel();
  t.notThrows(() => open());
});

test('over a socket: events arrive, a client that stops reading is disconnected, memory is free', async (t) => {
  const hub = await ServedFleet.start({ limits: { watchQueueBytes: 300_000 } });
  t.teardown(() => hub.stop());
  const token = await hub.token('viewer');
  const response = await fetch(`${hub.url}/api/v1/watch`, {
    headers: { authorization: `Bearer ${token}` },
  });
  t.is(response.headers.get('content-type'), 'text/event-stream');
  const keen = response.body!.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  t.is((await take(keen, 1))[0]?.event, 'snapshot');

  const { hostname, port } = new URL(hub.url);
  const lazy = connect(Number(port), hostname);
  const cut = new Promise((resolve) => {
    lazy.on('close', resolve).on('error', () => undefined);
  });
  lazy.write(
    `GET /api/v1/watch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  await new Promise((resolve) => lazy.once('readable', resolve));
  const sample = sampleDevice('default/bulky', 'pi-1');
  const bulky = {
    ...sample,
    description: { ...sample.description, description: 'x'.repeat(100_000) },
  };
  while (hub.fleet.watchers === 2) {
    hub.fleet.putDevice(bulky);
    await take(keen, 1);
  }
  lazy.resume();
  await cut;
  hub.fleet.report('default/meter', 'level', 77);
  t.like((await take(keen, 1))[0], { data: { property: { reported: { value: 77 } } } });
  await keen.cancel();
});

test('a removed operator’s watch ends with the next comment', async (t) => {
  const hub = await ServedFleet.start({ limits: { watchKeepAliveMs: 20 } });
  t.teardown(() => hub.stop());
  const token = await hub.token('viewer');
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`${hub.url}/api/v1/watch`, { headers });
  const text = response.text();
  await hub.operators.remove('viewer-0');
  t.regex(await text, /event: snapshot/);
});
