import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { printable, textTable } from '#protocol/command-line/text-table.js';
import type { Device } from '#protocol/device.js';
import { deviceOf } from './named.js';
import { planBuses, planSensors, type BusPlan, type PlannedSensor } from './plan.js';

interface Parts {
  readonly devices: (args: Arguments) => Promise<readonly Device[]>;
}

/** What would be asked of each device, how often, and how long it takes where that is known. */
export async function plan(parts: Parts, args: Arguments, terminal: Terminal): Promise<void> {
  const name = args.operand('NAMESPACE/NAME');
  const all = await parts.devices(args);
  const devices = name === undefined ? all : [deviceOf(all, name)];
  const buses = planBuses(devices);
  const sensors = await planSensors(devices);
  if (args.on('json')) {
    terminal.out(`${JSON.stringify({ buses, sensors })}\n`);
    return;
  }
  if (devices.length === 0) terminal.out('no devices\n');
  for (const bus of buses) {
    terminal.out(busText(bus));
    if (bus.load > 1)
      terminal.err('The cycles ask for more than the line can carry: polls will be skipped.\n');
  }
  if (sensors.length > 0) terminal.out(sensorsText(sensors));
  for (const { id, protocol } of devices)
    if (protocol.protocolName !== 'modbus' && protocol.protocolName !== 'serial')
      terminal.out(
        printable(`${id}: planned by its own mapper, of ${protocol.protocolName}`) + '\n',
      );
}

function busText({ bus, requests, asked, roundMs, load, perSecond, isLine }: BusPlan): string {
  const rate = `${Number(perSecond.toFixed(2))} requests a second`;
  const heading = isLine
    ? `${bus}: a round takes ${roundMs.toFixed(0)} ms, ${(load * 100).toFixed(1)} % of the line`
    : `${bus}: ${rate}; their time depends on the network`;
  const rows = requests.map((one) => [
    one.device,
    String(one.unit),
    `${one.cycleMs} ms`,
    `${one.register} ${one.offset}, ${one.count}`,
    ...(isLine ? [one.lineMs.toFixed(1)] : []),
    one.frame,
    one.properties.join(' '),
  ]);
  const time = isLine ? ['MS'] : [];
  const headings = ['DEVICE', 'UNIT', 'EVERY', 'READS', ...time, 'REQUEST', 'PROPERTIES'];
  const known = asked.map(
    (device) => `${device}: asked first for its SunSpec models; the plan follows from its chain`,
  );
  return [
    ...[requests.length === 0 ? bus : heading, ...known].map((line) => `${printable(line)}\n`),
    requests.length === 0 ? '' : textTable(headings, rows),
  ].join('');
}

function sensorsText(sensors: readonly PlannedSensor[]): string {
  const rows = sensors.map(({ device, line, request, cycleMs, properties }) => [
    device,
    line,
    `${cycleMs} ms`,
    request ?? 'none: it talks by itself',
    properties.join(' '),
  ]);
  return textTable(['SENSOR', 'LINE', 'EVERY', 'REQUEST', 'PROPERTIES'], rows);
}
