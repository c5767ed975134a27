import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { printable } from '#protocol/command-line/text-table.js';
import type { Device } from '#protocol/device.js';
import { linesOf, number } from './line-arguments.js';
import type { LivePorts } from './live.js';
import { deviceOf } from './named.js';
import { simulate, type ServedPlace } from './simulate.js';

interface Parts extends LivePorts {
  readonly devices: (args: Arguments) => Promise<readonly Device[]>;
}

/** Serves the devices of a file as slaves until it is ended. */
export async function simulateVerb(
  parts: Parts,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const all = await parts.devices(args);
  const name = args.operand('NAMESPACE/NAME');
  const devices = name === undefined ? all : [deviceOf(all, name)];
  const every = (flag: string): number => number(args.text(flag) ?? '0', 0, 1_000_000);
  const faults = {
    silentEvery: every('silent-every'),
    damagedEvery: every('damaged-every'),
    lateMs: every('late'),
  };
  const [line] = args.text('port') === undefined ? [] : linesOf(args);
  const where =
    line !== undefined && 'port' in line
      ? { serial: line }
      : { tcpPort: number(args.text('tcp-port') ?? '5020', 0, 65_535) };
  const simulation = await simulate(devices, where, faults, parts);
  const { address, units, places, skipped } = simulation;
  if (args.on('json'))
    terminal.out(`${JSON.stringify({ event: 'ready', address, units, places, skipped })}\n`);
  else {
    for (const place of places) terminal.out(`${textOf(place)}; stop it with Ctrl+C\n`);
    for (const { device, why } of skipped)
      terminal.err(`${printable(`${device} is not simulated: ${why}`)}\n`);
  }
  await new Promise<void>((resolve) => {
    if (terminal.signal.aborted) resolve();
    else terminal.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await simulation.stop();
}

function textOf({ wire, devices, units, address }: ServedPlace): string {
  if (units.length === 0)
    return `${devices.join(', ')} ${devices.length === 1 ? 'speaks' : 'speak'} at ${address}`;
  return `units ${units.join(', ')} answer at ${address}, ${wire}`;
}
