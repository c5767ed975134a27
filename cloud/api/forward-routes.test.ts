import test from 'ava';
import { EdgeError } from '#protocol/errors.js';
import { EventStreamParser } from '#protocol/event-stream.js';
import { ManualClock } from '#protocol/manual-clock.js';
import type { ForwardView, OpenForward } from '../fleet.js';
import { ForwardFeeds } from './forward-routes.js';
import { API_LIMITS } from './limits.js';
import { ServedFleet } from './served-fleet.js';

const BODY = { listen: '127.0.0.1:8080', target: '127.0.0.1:80' };

class FakeForwards {
  readonly asked: OpenForward[] = [];
  closed = 0;

  async open(request: OpenForward): Promise<ForwardView> {
    this.asked.push(request);
    if (request.target === '127.0.0.1:22') throw new EdgeError('EDGE_FORBIDDEN', 'not allowed');
    const { node, listen, target } = request;
    return Promise.resolve({ node, listen, target, close: () => this.#close() });
  }

  #close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

async function text(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<unknown> {
  const { done, value } = await reader.read();
  return done ? 'end' : new EventStreamParser().push(Buffer.from(value).toString());
}

test('a forwarding lasts as long as its answer is read, and tells what was refused', async (t) => {
  const [forwards, clock] = [new FakeForwards(), new ManualClock()];
  const feeds = new ForwardFeeds(forwards, clock, API_LIMITS);
  const stream = await feeds.open({ node: 'pi-1', actor: 'operator:ann', ...BODY }, () => true);
  const reader = stream.getReader();
  t.deepEqual(await text(reader), [{ event: 'open', data: { node: 'pi-1', ...BODY } }]);
  forwards.asked[0]?.onRefused('unreachable');
  t.deepEqual(await text(reader), [{ event: 'refused', data: { why: 'unreachable' } }]);
  await reader.cancel();
  t.is(forwards.closed, 1);
  t.is(clock.pending().length, 0);
});

test('a reader that takes nothing, a token that ended and a stop end a forwarding', async (t) => {
  const [forwards, clock] = [new FakeForwards(), new ManualClock()];
  const feeds = new ForwardFeeds(forwards, clock, { ...API_LIMITS, snapshotPartBytes: 200 });
  let allowed = true;
  const open = async () =>
    (await feeds.open({ node: 'pi-1', actor: 'operator:ann', ...BODY }, () => allowed)).getReader();
  await open();
  for (let refused = 0; refused < 100; refused++) forwards.asked[0]?.onRefused('full');
  clock.advance(API_LIMITS.watchKeepAliveMs);
  t.is(forwards.closed, 1);

  const second = await open();
  await text(second);
  clock.advance(API_LIMITS.watchKeepAliveMs);
  t.is(forwards.closed, 1, 'it is read');
  await text(second);
  allowed = false;
  clock.advance(API_LIMITS.watchKeepAliveMs);
  t.is(forwards.closed, 2);
  t.is(await text(second), 'end');

  allowed = true;
  const third = await open();
  await text(third);
  feeds.closeAll();
  t.is(forwards.closed, 3);
  t.is(await text(third), 'end');
});

test('forwarding needs an operator, is audited, and ends when its client hangs up', async (t) => {
  const forwards = new FakeForwards();
  const served = await ServedFleet.start({ forwards });
  t.teardown(() => served.stop());
  const ask = async (
    role: 'viewer' | 'operator',
    signal?: AbortSignal,
    body = BODY,
  ): Promise<Response> =>
    fetch(`${served.url}/api/v1/nodes/pi-1/forwards`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await served.token(role)}` },
      body: JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
  t.is((await ask('viewer')).status, 403);
  t.is(forwards.asked.length, 0);
  const client = new AbortController();
  const answer = await ask('operator', client.signal);
  t.is(answer.status, 200);
  t.regex(forwards.asked[0]?.actor ?? '', /^operator:operator-/);
  await answer.body?.getReader().read();
  const closed = new Promise<void>((resolve) => {
    const look = (): void => (forwards.closed > 0 ? resolve() : void setTimeout(look, 10));
    look();
  });
  client.abort();
  await closed;
  t.is(forwards.closed, 1);
  await ask('operator', undefined, { ...BODY, target: '127.0.0.1:22' });
  const headers = { authorization: `Bearer ${await served.token('admin')}` };
  const trail = await fetch(`${served.url}/api/v1/audit`, { headers });
  const { records } = (await trail.json()) as {
    records: { action: string; subject: string; code?: string }[];
  };
  t.deepEqual(
    records
      .filter(({ action }) => action === 'forward.open')
      .map(({ subject, code }) => [subject, code]),
    [
      ['127.0.0.1:80', undefined],
      ['127.0.0.1:22', 'EDGE_FORBIDDEN'],
    ],
  );
});
