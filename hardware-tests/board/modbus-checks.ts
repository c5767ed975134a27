import { silentLog } from '#protocol/log.js';
import type { Device } from '#protocol/device.js';
import type { Random } from '#protocol/random.js';
import type { Clock } from '#protocol/clock.js';
import { BusRunner } from '#mappers/modbus/bus-runner.js';
import { readSettings, type ModbusSettings } from '#mappers/modbus/config.js';
import { Naps } from '#mappers/modbus/naps.js';
import { ModbusDriver } from '#mappers/modbus/driver.js';
import { silenceMs } from '#mappers/modbus/line-time.js';
import { SunSpecDriver } from '#mappers/modbus/sunspec-driver.js';
import { busOf } from '#mappers/modbus/transport.js';
import type { PointResult } from '#mappers/driver.js';
import { LineTap, type HeardExchange, type Spread } from './line-tap.js';
import { checkLateReplies } from './late-replies.js';
import type { Check } from './report.js';

export interface ModbusFindings {
  readonly checks: readonly Check[];
  readonly exchanges: readonly HeardExchange[];
  /** What the last round brought: the values of the exchanges. */
  readonly results: readonly PointResult[];
  readonly counters: Readonly<Record<string, number>>;
}

/** A unit that hardly anybody has: to see that the silence of one does not touch another. */
const NOBODY = 246;

/** Transactions on the line itself: answers, jitter, silences, a missing neighbour. */
export async function checkModbusLine(
  device: Device,
  rounds: number,
  ports: { readonly clock: Clock; readonly random: Random },
): Promise<ModbusFindings> {
  const { settings } = readSettings(device);
  if (settings === undefined) throw new TypeError('the device is not described soundly');
  const tap = new LineTap(ports.clock);
  const { bus, open } = busOf(settings.bus, ports.clock, settings.limits);
  const runner = new BusRunner(bus, tap.around(open), {
    ...ports,
    log: silentLog,
    naps: new Naps(ports.clock),
  });
  const Served = settings.points.size === 0 ? ModbusDriver : SunSpecDriver;
  const driver = new Served(settings, runner, ports.clock);
  try {
    const good: number[] = [];
    let results: readonly PointResult[] = [];
    let firstDetail = '';
    for (let round = 0; round < rounds; round += 1) {
      results = await driver.read(device.properties, false);
      const bad = results.filter(({ quality }) => quality === 'bad');
      good.push(results.length - bad.length);
      firstDetail ||= bad.map(({ property, detail = '' }) => `${property}: ${detail}`)[0] ?? '';
    }
    const whole = good.filter((count) => count === device.properties.length).length;
    const before = runner.counters();
    const missing = await runner.request(
      { op: 'read', unit: NOBODY, kind: 'holding', offset: 0, count: 1 },
      { priority: 'write', timeoutMs: settings.timeoutMs },
    );
    const after = await driver.read(device.properties, false);
    const exchanges = [...tap.exchanges.values()];
    const checks = [
      check(
        'rounds of all properties',
        whole === rounds,
        `${whole} of ${rounds} whole, ${before['requests'] ?? 0} requests, ${before['timeouts'] ?? 0} time-outs, ${before['retries'] ?? 0} asked again, ${before['crcErrors'] ?? 0} wrong checksums. ${firstDetail}`,
      ),
      check(
        'begin of an answer',
        tap.answers.count > 0,
        `${told(tap.answers)}; of ${settings.timeoutMs} ms that it may take`,
      ),
      check(
        'pieces of an answer',
        true,
        `${told(tap.pieces)} between two, as the adapter hands them over`,
      ),
      silences(tap, settings),
      check(
        'a unit that nobody is',
        missing.kind === 'failed' && after.every(({ quality }) => quality !== 'bad'),
        missing.kind === 'failed'
          ? `unit ${NOBODY}: ${missing.why}; the device answers after it`
          : `unit ${NOBODY} answers: somebody is there`,
      ),
    ];
    const late = await checkLateReplies(settings, runner);
    return {
      checks: [...checks, late],
      exchanges: exchanges.filter(({ request }) => request[0] === settings.unit),
      results: after,
      counters: runner.counters(),
    };
  } finally {
    await runner.close();
  }
}

/** t3.5 as this program sees it: bytes are seen after they were on the line, so the line had more. */
function silences(tap: LineTap, { bus }: ModbusSettings): Check {
  if (bus.transport !== 'rtu')
    return { name: 'silence before a request', outcome: 'skipped', detail: 'only lines need it' };
  const needed = silenceMs(bus.baudRate);
  const sooner = tap.soonerThan(needed);
  return check(
    'silence before a request',
    sooner === 0,
    `${told(tap.silences)}; ${needed.toFixed(2)} ms needed, ${sooner} went sooner`,
  );
}

export function check(name: string, isSound: boolean, detail: string): Check {
  return { name, outcome: isSound ? 'passed' : 'failed', detail: detail.trim() };
}

function told({ count, min, p50, p99, max }: Spread): string {
  const of = (ms: number): string => ms.toFixed(1);
  return `${count}: ${of(min)} to ${of(max)} ms, half within ${of(p50)}, 99 % within ${of(p99)}`;
}
