/** Brokers under measurement as child processes, pinned to one core where `taskset` exists. */
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../link.js';
import { pause } from './process-figures.js';

export interface BrokerPeer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Cores of the broker and of the generator. */
export const BROKER_CORE = 0;
export const LOAD_CORE = 1;

export function pinned(core: number, command: readonly string[]): readonly [string, string[]] {
  const canPin = availableParallelism() > 1 && isInstalled('taskset');
  const [program = '', ...args] = canPin ? ['taskset', '-c', `${core}`, ...command] : command;
  return [program, args];
}

export function isInstalled(program: string): boolean {
  return spawnSync(program, ['--help']).error === undefined;
}

export function here(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** With its default limits, but for those given. */
export async function startEventBus(limits: object = {}): Promise<BrokerPeer> {
  const command = [process.execPath, here('broker-process.js'), JSON.stringify(limits)];
  const [program, args] = pinned(BROKER_CORE, command);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
  return { name: 'edgetwin', port: Number(line.toString()), ...handle(child) };
}

/** As Debian ships it, but for the port and the windows, which are widened in its favour. */
export async function startMosquitto(): Promise<BrokerPeer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const config = join(folder, 'mosquitto.conf');
  const settings = ['persistence false', 'set_tcp_nodelay true', 'max_inflight_messages 1000'];
  const access = [`listener ${port} 127.0.0.1`, 'allow_anonymous true'];
  writeFileSync(config, [...settings, ...access, ''].join('\n'));
  const [program, args] = pinned(BROKER_CORE, ['mosquitto', '-c', config]);
  const child = spawn(program, args, { stdio: 'ignore' });
  await listening(port);
  const { pid, stop } = handle(child);
  const stopped = async (): Promise<void> => {
    await stop();
    rmSync(folder, { recursive: true });
  };
  return { name: 'mosquitto', port, pid, stop: stopped };
}

function handle(child: ChildProcess): { pid: number; stop: () => Promise<void> } {
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  return { pid: child.pid ?? 0, stop };
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect({ port, host: '127.0.0.1' });
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await pause(20);
  }
}
