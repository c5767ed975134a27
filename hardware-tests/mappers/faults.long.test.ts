import test from 'ava';
import { seededRandom } from '#protocol/random.js';
import { faultLine, faultServer } from './fault-wire.js';
import { LINE_FAULTS, TCP_FAULTS } from './faults.js';
import { FOREIGN_SLAVES } from './foreign-slave.js';
import { hasSocat, SerialPair } from './serial-pair.js';
import { transact, type Tally } from './transactions.js';

const LINE = { baudRate: 115_200, dataBits: 8, stopBits: 1, parity: 'none' } as const;
/** Shorter than most late replies are late. */
const TIMEOUT_MS = 100;
const SEED = 20_261_122;
const TRANSACTIONS: Readonly<Record<string, number>> = { pymodbus: 6_000, libmodbus: 500 };
const faultsDrawn = (counts: Readonly<Record<string, number>>): number =>
  Object.entries(counts).reduce((sum, [name, count]) => sum + (name === 'none' ? 0 : count), 0);

function verdict(t: { log(...values: unknown[]): void }, tally: Tally, counts: object): void {
  t.log(JSON.stringify({ ...tally, faults: counts }));
}

for (const [name, { isThere, start }] of Object.entries(FOREIGN_SLAVES)) {
  const count = TRANSACTIONS[name] ?? 1_000;

  test(`${count} transactions with ${name} behind a faulty line: no wrong value`, async (t) => {
    t.timeout(1_500_000);
    if (!isThere || !hasSocat) {
      t.log(`skipped: needs socat and ${name}`);
      t.pass();
      return;
    }
    const [near, far] = [await SerialPair.open(), await SerialPair.open()];
    const slave = await start({ port: far.slave, baudRate: LINE.baudRate });
    const ends = [near.slave, far.master].map((port) => ({ port, ...LINE })) as [never, never];
    const wire = await faultLine(...ends, seededRandom(SEED));
    try {
      const settings = { transport: 'rtu', port: near.master, ...LINE } as const;
      const tally = await transact(settings, slave.units, count, TIMEOUT_MS, SEED);
      verdict(t, tally, wire.counts);
      t.deepEqual([tally.wrong, tally.examples], [0, []]);
      t.true(tally.right > count / 2, 'waiting does not replace working');
      t.true(faultsDrawn(wire.counts) > count / 4);
      t.is(Object.keys(wire.counts).length, Object.keys(LINE_FAULTS).length);
      t.true((tally.counters['recovered'] ?? 0) > count / 50);
    } finally {
      await wire.close();
      await slave.stop();
      await Promise.all([near.close(), far.close()]);
    }
  });

  test(`${count} transactions with ${name} behind a faulty connection: no wrong value`, async (t) => {
    t.timeout(1_500_000);
    if (!isThere) {
      t.log(`skipped: needs ${name}`);
      t.pass();
      return;
    }
    const slave = await start('tcp');
    const wire = await faultServer(slave.tcpPort, seededRandom(SEED + 1));
    try {
      const settings = { transport: 'tcp', host: '127.0.0.1', tcpPort: wire.tcpPort } as const;
      const tally = await transact(settings, slave.units, count, TIMEOUT_MS, SEED + 1);
      verdict(t, tally, wire.counts);
      t.deepEqual([tally.wrong, tally.examples], [0, []]);
      t.true(tally.right > count / 4, 'waiting does not replace working');
      t.is(Object.keys(wire.counts).length, Object.keys(TCP_FAULTS).length);
      t.true((tally.counters['reconnects'] ?? 0) > 10);
    } finally {
      await wire.close();
      await slave.stop();
    }
  });
}
