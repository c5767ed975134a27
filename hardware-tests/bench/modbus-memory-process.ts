import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { serveTcp } from '../simulators/modbus-meter.js';
import { measured, ours } from './modbus-masters.js';

/** Megabytes after so many transactions, collected first. */
export interface MemoryRow {
  readonly what: 'read' | 'refused' | 'silent';
  readonly transactions: number;
  readonly rssMB: number;
  readonly heapMB: number;
}

const REGISTERS = { read: (_: unknown, offset: number) => offset, write: () => 'ok' as const };
const HOST = '127.0.0.1';
const AT_ONCE = 16;
const PARTS = 5;
const TIMEOUT_MS = 100;

async function answered(transactions: number): Promise<MemoryRow[]> {
  const server = await serveTcp(REGISTERS, 0);
  const tcpPort = Number(server.address.split(':')[1]);
  const master = ours({ transport: 'tcp', host: HOST, tcpPort });
  const rows: MemoryRow[] = [];
  for (let part = 0; part <= PARTS; part += 1) {
    const count = part === 0 ? 5_000 : transactions / PARTS;
    await measured((nth) => master.read(1, nth % 1_000, 1), count, AT_ONCE);
    rows.push({ what: 'read', transactions: (part * transactions) / PARTS, ...memory() });
  }
  await server.stop();
  await master.close();
  return rows;
}

/** Nobody answers: reads fail after a time-out, and at once while the device is not to be asked. */
async function away(
  what: 'refused' | 'silent',
  tcpPort: number,
  reads: number,
): Promise<MemoryRow[]> {
  const master = ours({ transport: 'tcp', host: HOST, tcpPort }, TIMEOUT_MS);
  const rows: MemoryRow[] = [];
  for (let part = 0; part <= PARTS; part += 1) {
    if (part > 0)
      await measured(
        async (nth) => !(await master.read(1, nth % 1_000, 1)),
        reads / PARTS,
        AT_ONCE,
      );
    rows.push({ what, transactions: (part * reads) / PARTS, ...memory() });
  }
  await master.close();
  return rows;
}

function memory(): { rssMB: number; heapMB: number } {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { rssMB: rss / 1e6, heapMB: heapUsed / 1e6 };
}

async function main(quick: boolean): Promise<void> {
  const rows = await answered(quick ? 20_000 : 1_000_000);
  const failing = quick ? 5_000 : 200_000;
  const nobody = createServer().listen(0, HOST);
  await once(nobody, 'listening');
  const { port } = nobody.address() as AddressInfo;
  await new Promise((resolve) => nobody.close(resolve));
  rows.push(...(await away('refused', port, failing)));
  const mute = createServer((socket) => void socket.on('error', () => undefined).resume());
  mute.listen(0, HOST);
  await once(mute, 'listening');
  rows.push(...(await away('silent', (mute.address() as AddressInfo).port, failing)));
  mute.close();
  process.send?.(rows);
  process.disconnect();
}

await main(process.argv[2] === 'quick');
