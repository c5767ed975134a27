import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import type { BusSettings } from '../modbus/bus-settings.js';
import { BusRunner } from '../modbus/bus-runner.js';
import type { BusOutcome } from '../modbus/job.js';
import type { OpenLink } from '../link.js';
import { busOf } from '../modbus/transport.js';
import { walkSunSpec, type SunSpecModel } from '../modbus/sunspec.js';

export interface FoundSlave {
  readonly unit: number;
  /** `9600 8N1`, or the address. */
  readonly line: string;
  readonly settings: BusSettings;
  /** Function 43/14: vendor, product, revision, as far as the device tells. */
  readonly identity?: readonly string[];
  readonly sunspec?: readonly SunSpecModel[];
}

export interface ScanOptions {
  /** Lines to try, one after the other. */
  readonly lines: readonly BusSettings[];
  readonly units: readonly number[];
  /** Milliseconds that a slave has to begin an answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  progress(done: number, total: number, line: string): void;
  found(slave: FoundSlave): void;
}

export interface ScanPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Instead of the ports and sockets of the system. */
  readonly openLink?: (settings: BusSettings) => OpenLink;
}

const READ_HOLDING = 3;
const SUNSPEC_TIMEOUT_MS = 500;

/**
 * Asks every unit on every line for one register: any whole answer, a refusal too, is a slave. When
 * it is aborted what is under way ends at once, and the last progress told how far it came.
 */
export async function scan(options: ScanOptions, ports: ScanPorts): Promise<readonly FoundSlave[]> {
  const { lines, units, timeoutMs, signal } = options;
  const slaves: FoundSlave[] = [];
  let done = 0;
  const isEnded = (): boolean => signal.aborted;
  for (const settings of lines) {
    const { bus, open } = busOf(settings, ports.clock);
    const link = ports.openLink?.(settings) ?? open;
    const runner = new BusRunner(bus, link, { ...ports, log: silentLog });
    const line = lineName(settings);
    const close = (): void => void runner.close();
    signal.addEventListener('abort', close, { once: true });
    try {
      for (const unit of units) {
        options.progress(done, lines.length * units.length, `${line}, unit ${unit}`);
        if (isEnded()) return slaves;
        done += 1;
        if (slaves.some((slave) => slave.unit === unit && 'port' in settings)) continue;
        // A read would be asked twice; here silence is the usual answer.
        const request = {
          op: 'call',
          unit,
          code: READ_HOLDING,
          data: [0, 0, 0, 1],
          replyBytes: 3,
        } as const;
        const outcome = await runner.request(request, { priority: 'write', timeoutMs });
        if (isEnded() && outcome.kind === 'failed') return slaves;
        // Without a port or a connection no other unit can answer either.
        if (outcome.kind === 'failed' && outcome.unsent === true && done === 1)
          throw new EdgeError(outcome.code, `${line}: ${outcome.why}`, {
            hint: 'Look for the port in /dev/serial/by-id, or see that the address is right and reachable.',
          });
        if (outcome.kind === 'failed') continue;
        const slave = await describe(runner, unit, line, settings);
        slaves.push(slave);
        options.found(slave);
      }
    } finally {
      signal.removeEventListener('abort', close);
      await runner.close();
    }
  }
  return slaves;
}

/** `9600 8N1`, or `host:port`. */
export function lineName(settings: BusSettings): string {
  if (!('port' in settings)) return `${settings.transport} ${settings.host}:${settings.tcpPort}`;
  const { baudRate, dataBits, parity, stopBits } = settings;
  return `${baudRate} ${dataBits}${(parity[0] ?? 'n').toUpperCase()}${stopBits}`;
}

async function describe(
  runner: BusRunner,
  unit: number,
  line: string,
  settings: BusSettings,
): Promise<FoundSlave> {
  const ask = { priority: 'write', timeoutMs: SUNSPEC_TIMEOUT_MS } as const;
  const named = await runner.request({ op: 'identify', unit, level: 1, object: 0 }, ask);
  const identity = named.kind === 'data' ? objectsOf(named) : undefined;
  const walked = await walkSunSpec((span) =>
    runner.request({ op: 'read', unit, kind: 'holding', ...span }, ask),
  );
  return {
    unit,
    line,
    settings,
    ...(identity === undefined ? {} : { identity }),
    ...(walked.kind === 'chain' ? { sunspec: walked.models } : {}),
  };
}

/** The texts of an identity: MEI type, level, conformity, more, next, number, then the objects. */
function objectsOf({ words }: BusOutcome & { kind: 'data' }): string[] {
  const texts: string[] = [];
  for (let at = 6; at + 1 < words.length; at += 2 + (words[at + 1] ?? 0)) {
    const bytes = words.slice(at + 2, at + 2 + (words[at + 1] ?? 0));
    // Only what can be shown: a device may send anything.
    texts.push(String.fromCharCode(...bytes).replaceAll(/[^\x20-\x7e]/g, '?'));
  }
  return texts;
}
