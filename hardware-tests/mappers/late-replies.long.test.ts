import test from 'ava';
import ModbusRTU from 'modbus-serial';
import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import { busOf } from '#mappers/modbus/transport.js';
import { serialLink } from '#mappers/serial-port.js';
import { RtuSlave } from '../simulators/rtu-slave.js';
import { hasSocat, SerialPair } from './serial-pair.js';

const LINE = { baudRate: 9600, dataBits: 8, stopBits: 1, parity: 'none' } as const;
const READS = 40;
const TIMEOUT_MS = 250;

/** A slave on a real serial pair that answers each request 100 to 350 ms after it. */
async function lateSlave(port: string): Promise<() => Promise<void>> {
  const random = seededRandom(7);
  const slave = new RtuSlave(1, { read: (_kind, offset) => offset, write: () => 'ok' });
  const open = serialLink({ port, ...LINE }, systemClock);
  return new Promise((resolve, reject) => {
    const link = open({
      opened: () => resolve(() => link.close()),
      received: (bytes) => {
        for (const reply of slave.receive(bytes))
          systemClock.setTimer('late', 100 + random.unit() * 250, () => link.send(reply));
      },
      closed: reject,
    });
  });
}

/** Reads 40 registers that hold their own address; how many came right, wrong or not. */
async function score(
  read: (offset: number) => Promise<number | undefined>,
): Promise<{ right: number; wrong: number; missed: number }> {
  const found = { right: 0, wrong: 0, missed: 0 };
  for (let offset = 0; offset < READS; offset += 1) {
    const value = await read(offset * 10);
    if (value === undefined) found.missed += 1;
    else if (value === offset * 10) found.right += 1;
    else found.wrong += 1;
  }
  return found;
}

test('a slave that answers too late never gives a wrong value, where modbus-serial’s master does', async (t) => {
  t.timeout(120_000);
  if (!hasSocat) {
    t.log('skipped: needs socat');
    t.pass();
    return;
  }
  const pair = await SerialPair.open();
  const stopSlave = await lateSlave(pair.slave);
  try {
    const { bus, open } = busOf({ transport: 'rtu', port: pair.master, ...LINE }, systemClock);
    const ports = { clock: systemClock, random: seededRandom(1), log: silentLog };
    const runner = new BusRunner(bus, open, ports);
    const ours = await score(async (offset) => {
      const request = { op: 'read', unit: 1, kind: 'holding', offset, count: 1 } as const;
      const outcome = await runner.request(request, {
        priority: 'poll',
        timeoutMs: TIMEOUT_MS,
      });
      return outcome.kind === 'data' ? outcome.words[0] : undefined;
    });
    await runner.close();

    const client = new ModbusRTU.default();
    await client.connectRTUBuffered(pair.master, { ...LINE });
    client.setID(1);
    client.setTimeout(TIMEOUT_MS);
    const theirs = await score(async (offset) => {
      try {
        return (await client.readHoldingRegisters(offset, 1)).data[0];
      } catch {
        return undefined;
      }
    });
    await new Promise<void>((resolve) => client.close(() => resolve()));
    t.log(`ours ${JSON.stringify(ours)}, modbus-serial ${JSON.stringify(theirs)}`);
    t.is(ours.wrong, 0);
    t.true(ours.right > 0 && ours.missed > 0);
    t.true(theirs.wrong > 0, 'the line is late enough to tell them apart');
  } finally {
    await stopSlave();
    await pair.close();
  }
});
