import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { serveTcp } from '../simulators/modbus-meter.js';
import { FOREIGN_SLAVES } from '../mappers/foreign-slave.js';
import { hasSocat, SerialPair } from '../mappers/serial-pair.js';
import { measured, ours, oursWithoutSilence, type Master } from './modbus-masters.js';

/** Megabytes after so many transactions, collected first. */
export interface MemoryRow {
  readonly what:
    'read' | 'refused' | 'silent' | 'read on a line' | 'silent on a line' | 'unplugged';
  readonly transactions: number;
  readonly rssMB: number;
  readonly heapMB: number;
}

const REGISTERS = { read: (_: unknown, offset: number) => offset, write: () => 'ok' as const };
const HOST = '127.0.0.1';
const AT_ONCE = 16;
const PARTS = 5;
const TIMEOUT_MS = 100;
const BAUD = 115_200;
/** A unit that no slave has. */
const NOBODY = 42;

async function answered(
  what: MemoryRow['what'],
  { master, unit, transactions }: { master: Master; unit: number; transactions: number },
): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (let part = 0; part <= PARTS; part += 1) {
    const count = part === 0 ? 5_000 : transactions / PARTS;
    const { failed } = await measured((nth) => master.read(unit, nth % 1_000, 1), count, AT_ONCE);
    if (failed > 0) throw new TypeError(`${failed} reads failed`);
    rows.push({ what, transactions: (part * transactions) / PARTS, ...memory() });
  }
  await master.close();
  return rows;
}

/** Nobody answers: reads fail after a time-out, and at once while the device is not to be asked. */
async function away(what: MemoryRow['what'], master: Master, reads: number): Promise<MemoryRow[]> {
  const rows: MemoryRow[] = [];
  for (let part = 0; part <= PARTS; part += 1) {
    if (part > 0)
      await measured(
        async (nth) => !(await master.read(NOBODY, nth % 1_000, 1)),
        reads / PARTS,
        AT_ONCE,
      );
    rows.push({ what, transactions: (part * reads) / PARTS, ...memory() });
  }
  await master.close();
  return rows;
}

async function onTcp(transactions: number, failing: number): Promise<MemoryRow[]> {
  const over = (tcpPort: number): Master =>
    ours({ transport: 'tcp', host: HOST, tcpPort }, TIMEOUT_MS);
  const server = await serveTcp(REGISTERS, 0);
  const master = over(Number(server.address.split(':')[1]));
  const rows = await answered('read', { master, unit: 1, transactions });
  await server.stop();
  const nobody = createServer().listen(0, HOST);
  await once(nobody, 'listening');
  const { port } = nobody.address() as AddressInfo;
  await new Promise((resolve) => nobody.close(resolve));
  rows.push(...(await away('refused', over(port), failing)));
  const mute = createServer((socket) => void socket.on('error', () => undefined).resume());
  mute.listen(0, HOST);
  await once(mute, 'listening');
  rows.push(...(await away('silent', over((mute.address() as AddressInfo).port), failing)));
  mute.close();
  return rows;
}

/** Without the silence that a line needs: it would take an hour. */
async function onALine(transactions: number, failing: number): Promise<MemoryRow[]> {
  const foreign = FOREIGN_SLAVES['libmodbus'];
  if (!hasSocat || foreign?.isThere !== true) return [];
  const pair = await SerialPair.open();
  const slave = await foreign.start({ port: pair.slave, baudRate: BAUD });
  const [unit = 1] = slave.units;
  const over = (): Master => oursWithoutSilence(pair.master, BAUD, TIMEOUT_MS);
  const rows = await answered('read on a line', { master: over(), unit, transactions });
  rows.push(...(await away('silent on a line', over(), failing)));
  await slave.stop();
  await pair.unplug();
  rows.push(...(await away('unplugged', over(), failing)));
  await pair.close();
  return rows;
}

function memory(): { rssMB: number; heapMB: number } {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rssMB: rss / 1e6, heapMB: heapUsed / 1e6 };
}

async function main(quick: boolean): Promise<void> {
  const transactions = quick ? 20_000 : 1_000_000;
  const failing = quick ? 5_000 : 200_000;
  const rows = await onTcp(transactions, failing);
  rows.push(...(await onALine(transactions, failing)));
  process.send?.(rows);
  process.disconnect();
}

await main(process.argv[2] === 'quick');
