import { spawn } from 'node:child_process';
import test from 'ava';
import { eventually, Site } from '../site.js';
import { hasTools } from '../tools.js';
import { countersDocument, DEVICE, gatewayTwin, hubTwin } from './counters.js';

const BURST = 10_000;

test('a burst of 10,000 updates by mosquitto_pub ends at the last value, each time', async (t) => {
  if (!hasTools(t, 'mosquitto_pub')) return;
  const site = await Site.start({ devices: countersDocument() });
  try {
    for (let round = 1; round <= 3; round++) {
      const last = round * BURST;
      await publish(site.broker, last - BURST + 1, last);
      const a = ({ properties }: Awaited<ReturnType<typeof hubTwin>>): unknown =>
        properties.find(({ name }) => name === 'a')?.reported?.value;
      t.is(
        a(await gatewayTwin(site)),
        last,
        'durable on the gateway when the last PUBACK is there',
      );
      await eventually(
        `the hub has ${last}`,
        () => hubTwin(site),
        (twin) => a(twin) === last,
      );
    }
  } finally {
    await site.stop();
  }
});

/** One mosquitto_pub, a line a message, QoS 1; it ends when every PUBACK has arrived. */
async function publish(broker: string, from: number, to: number): Promise<void> {
  const [host = '', port = ''] = broker.split(':');
  const topic = `$hw/events/device/${DEVICE}/twin/update`;
  const child = spawn(
    'mosquitto_pub',
    ['-h', host, '-p', port, '-i', 'burst', '-q', '1', '-l', '-t', topic],
    { stdio: ['pipe', 'inherit', 'inherit'] },
  );
  for (let value = from; value <= to; value++)
    child.stdin.write(
      `${JSON.stringify({ event_id: '', twin: { a: { actual: { value: String(value) } } } })}\n`,
    );
  child.stdin.end();
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${String(code)}`);
}
