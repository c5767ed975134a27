import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import {
  EmulatedLink,
  whyNoLink,
  type EmulatedLinkOptions,
  type LinkCounts,
} from './emulated-link.js';

const PROBE = [process.execPath, fileURLToPath(new URL('probe.js', import.meta.url))];
const PORT = 7_000;
const SENDER_PORT = 5_000;
/** IP and UDP. */
const HEADER_BYTES = 28;
/** How long packets may still be on their way after the last one was sent. */
const GENEROUS_MS = 1_000;

interface Counted {
  readonly counts: LinkCounts;
  /** [index, ms on the way, port of the sender] in the order of arrival. */
  readonly arrivals: readonly (readonly [number, number, number])[];
}

async function count(
  options: EmulatedLinkOptions,
  packets: number,
  bytes: number,
): Promise<Counted> {
  const link = await EmulatedLink.open(options);
  const receiver = link.spawn('b', [...PROBE, 'receive', `${PORT}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: receiver.stdout! });
  await once(lines, 'line');
  link.zero();
  const args = ['send', link.address('b'), `${PORT}`, `${packets}`, `${bytes}`];
  await once(link.spawn('a', [...PROBE, ...args]), 'exit');
  await new Promise((resolve) => setTimeout(resolve, GENEROUS_MS));
  receiver.stdin?.end();
  const [line] = (await once(lines, 'line')) as [string];
  return { arrivals: JSON.parse(line) as Counted['arrivals'], counts: await link.close() };
}

const emulated = (title: string, run: (t: ExecutionContext) => Promise<void>): void =>
  test.serial(title, async (t) => {
    const missing = whyNoLink();
    if (missing === undefined) return run(t);
    t.log(`skipped: needs ${missing}`);
    t.pass();
  });

emulated('as many packets are lost as was asked for, each of them counted', async (t) => {
  const packets = 4_000;
  const loss = 0.1;
  const { arrivals, counts } = await count({ up: `loss=${loss}` }, packets, 200);
  t.is(counts.up.inPackets, packets);
  t.is(counts.up.lossDrops + arrivals.length, packets);
  const deviation = Math.sqrt(packets * loss * (1 - loss));
  t.true(Math.abs(counts.up.lossDrops - packets * loss) < 5 * deviation, `${counts.up.lossDrops}`);
  t.is(counts.down.lossDrops, 0);
});

emulated('the same seed loses the same packets, another one others', async (t) => {
  const fates = async (seed: number): Promise<readonly number[]> => {
    const { arrivals } = await count({ up: 'loss=0.2', seed }, 300, 100);
    return arrivals.map(([index]) => index).sort((a, b) => a - b);
  };
  const [first, again, other] = [await fates(7), await fates(7), await fates(8)];
  t.deepEqual(first, again);
  t.notDeepEqual(first, other);
});

emulated('no packet is there before its delay, and none overtakes', async (t) => {
  const { arrivals } = await count({ up: 'delay=80ms,jitter=10ms' }, 200, 100);
  t.is(arrivals.length, 200);
  t.true(Math.min(...arrivals.map(([, ms]) => ms)) >= 80);
  t.deepEqual(
    arrivals.map(([index]) => index),
    Array.from({ length: 200 }, (_, index) => index),
  );
});

emulated('packets wait for the rate in a queue that drops what is too much', async (t) => {
  const bytes = 1_000;
  const room = 50;
  // 8 ms a packet: all have come before half of them can have left, on any machine.
  const packets = 400;
  const up = `rate=1m,queue=${room * bytes}`;
  const { arrivals, counts } = await count({ up }, packets, bytes - HEADER_BYTES);
  t.is(counts.up.queueDrops + arrivals.length, packets);
  t.true(arrivals.length >= room, `${arrivals.length} arrived`);
  t.true(counts.up.queueDrops > 10, `${counts.up.queueDrops} dropped`);
  const [longest] = arrivals.map(([, ms]) => ms).sort((a, b) => b - a);
  t.true(longest! >= (room - 1) * 8, `the last one waited ${longest} ms`);
  t.true(counts.up.queueMsMax <= room * 8 + 1, `${counts.up.queueMsMax}`);
});

emulated('bursts have the length that was asked for', async (t) => {
  const { counts } = await count({ up: 'ge=0.05/0.2/0/1' }, 5_000, 100);
  t.true(Math.abs(counts.up.burstDrops / 5_000 - 0.2) < 0.06, `${counts.up.burstDrops}`);
  t.true(Math.abs(counts.up.meanLossRun - 5) < 1.2, `${counts.up.meanLossRun}`);
});

emulated('all is lost in a blackout, nothing before it', async (t) => {
  const { arrivals, counts } = await count({ up: 'blackout=0-60' }, 50, 100);
  t.is(arrivals.length, 0);
  t.is(counts.up.blackoutDrops, 50);
});

emulated('some are doubled, corrupted and held, too long ones vanish', async (t) => {
  const up = 'dup=0.2,corrupt=0.1,reorder=0.1/5ms,mtu=500';
  const { arrivals, counts } = await count({ up }, 1_000, 100);
  t.true(Math.abs(counts.up.duplicated - 200) < 70);
  t.true(Math.abs(counts.up.reordered - 100) < 50);
  // The kernel drops what its checksum finds: a flipped bit is a lost packet, twice if doubled.
  t.true(counts.up.corrupted > 50);
  t.true(arrivals.length < counts.up.outPackets);
  const long = await count({ up }, 10, 473);
  t.is(long.counts.up.mtuDrops, 10);
});

emulated('behind a NAT the other end sees another port, and whole packets', async (t) => {
  const { arrivals } = await count({ up: 'nat=1000' }, 40, 100);
  t.is(arrivals.length, 40);
  t.deepEqual([...new Set(arrivals.map(([, , port]) => port))], [SENDER_PORT + 1_000]);
});
