import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'ava';
import { bench, METER, SHORT, update } from './bus-fixture.js';

/** Clients that others wrote, where they are installed. */
const installed = spawnSync('mosquitto_pub', ['--help']).error === undefined;

function start(
  t: { teardown(fn: () => void): void },
  program: string,
  args: readonly string[],
): ChildProcessWithoutNullStreams {
  const child = spawn(program, args);
  t.teardown(() => void child.kill('SIGKILL'));
  return child;
}

test('a burst of 10,000 lines through mosquitto_pub -l at QoS 1 ends at the last value', async (t) => {
  if (!installed) {
    t.log('skipped: needs mosquitto_pub');
    t.pass();
    return;
  }
  const { twins, port, bus } = await bench(t);
  const args = ['-h', '127.0.0.1', '-p', `${port}`, '-q', '1', '-l', '-t', `${SHORT}/twin/update`];
  const publisher = start(t, 'mosquitto_pub', args);
  for (let value = 1; value <= 10_000; value++)
    publisher.stdin.write(`${update({ count: { actual: { value: `${value}` } } }, `e${value}`)}\n`);
  publisher.stdin.end();
  const [code] = (await once(publisher, 'exit')) as [number];
  t.is(code, 0);
  const values = twins.reports.map(({ readings }) => readings[0]?.value);
  t.is(values.length, 10_000);
  t.true(
    values.every((value, index) => value === index + 1),
    'in order',
  );
  t.is(twins.device('default/meter')?.properties[2]?.reported?.value, 10_000);
  t.is(bus.stats()['twinUpdates'], 10_000);
});

test('mosquitto_sub receives the delta of a desired value', async (t) => {
  if (!installed) {
    t.log('skipped: needs mosquitto_sub');
    t.pass();
    return;
  }
  const { twins, port, client } = await bench(t);
  const watcher = await client();
  await watcher.subscribe('$SYS/+/new/subscribes');
  const topic = `${METER}/twin/update/delta`;
  const args = ['-h', '127.0.0.1', '-p', `${port}`, '-q', '1', '-C', '1', '-t', topic];
  const subscriber = start(t, 'mosquitto_sub', args);
  while (!(await watcher.message()).text.includes(topic));
  twins.desire('default/meter', 'mode', 'eco');
  const lines = createInterface(subscriber.stdout);
  const [line] = (await once(lines, 'line')) as [string];
  t.like(JSON.parse(line), { delta: { mode: 'eco' } });
});
