import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { SiteGateway } from '../site-gateway.js';

/** MQTT CONNECT, 3.1.1, clean, without a name. */
const CONNECT = Buffer.from([...[0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0]]);

/** As `ulimit -n`, of a program that runs: what it has open stays open. */
export function limitDescriptors({ program }: SiteGateway, count: number): void {
  execFileSync('prlimit', ['--pid', `${program?.pid ?? 0}`, `--nofile=${count}:`]);
}

/** Idle local clients, as many as the broker takes before the process has no descriptor left. */
export async function occupyDescriptors(
  gateway: SiteGateway,
): Promise<{ readonly size: number; leave(): void }> {
  const clients: Socket[] = [];
  for (;;) {
    const client = await admitted(gateway.broker);
    if (client === undefined) break;
    clients.push(client);
    if (clients.length > 1000)
      throw new Error(`no limit: ${descriptors(gateway)} descriptors are open`);
  }
  return {
    size: clients.length,
    leave: () => {
      for (const client of clients) client.destroy();
    },
  };
}

/** Undefined when the connection is closed instead of being answered. */
function admitted(broker: string): Promise<Socket | undefined> {
  const [host = '', port = ''] = broker.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => undefined);
  socket.write(CONNECT);
  return new Promise((resolve) => {
    socket.once('data', () => {
      resolve(socket);
    });
    socket.once('close', () => {
      resolve(undefined);
    });
  });
}

function descriptors(gateway: SiteGateway): number {
  return readdirSync(`/proc/${gateway.program?.pid ?? 0}/fd`).length;
}
