import type { Arguments } from '#protocol/command-line/parse.js';
import { EdgeError } from '#protocol/errors.js';
import { parseFormat, type LineFormat } from '../line-format.js';
import { isLine, type BusSettings } from '../modbus/bus-settings.js';

const UNIT_MAX = 255;

/** The lines that `--port` with `--baud` and `--format`, or `--host`, ask for. */
export function linesOf(args: Arguments): readonly BusSettings[] {
  const host = args.text('host');
  const port = args.text('port');
  if ((host === undefined) === (port === undefined))
    throw new EdgeError('EDGE_USAGE', 'either --port or --host says where to look', {
      hint: 'Use --port /dev/serial/by-id/... for a serial line, --host ADDRESS for Modbus TCP.',
    });
  const named = args.text('transport');
  const bauds = (args.text('baud') ?? '9600').split(',').map((one) => number(one, 300, 4_000_000));
  if (host !== undefined) {
    const transport = wire(named, ['tcp', 'rtu-over-tcp', 'udp'], '--host');
    const tcpPort = number(args.text('tcp-port') ?? '502', 1, 65_535);
    if (transport !== 'rtu-over-tcp') return [{ transport, host, tcpPort }];
    return [{ transport, host, tcpPort, baudRate: bauds[0] ?? 9600 }];
  }
  const transport = wire(named, ['rtu', 'ascii'], '--port');
  const formats = (args.text('format') ?? '8N1').split(',').map(format);
  return bauds.flatMap((baudRate) =>
    formats.map((line) => ({ transport, port: port ?? '', baudRate, ...line }) as const),
  );
}

function wire<T extends string>(
  named: string | undefined,
  wires: readonly [T, ...T[]],
  flag: string,
): T {
  const found = named === undefined ? wires[0] : wires.find((one) => one === named);
  if (found !== undefined) return found;
  throw new EdgeError('EDGE_USAGE', `${named ?? ''} is no transport of ${flag}`, {
    hint: `Use one of: ${wires.join(', ')}.`,
  });
}

/** `1-20,40` as numbers. On a line 0 is a broadcast, which nobody answers (V1.02 section 2.2). */
export function unitsOf(text: string, lines: readonly BusSettings[]): readonly number[] {
  const hasLine = lines.some(({ transport }) => isLine(transport));
  const units = text.split(',').flatMap((part) => {
    const [first = '', last = first] = part.split('-');
    const [from, to] = [number(first, 0, UNIT_MAX), number(last, 0, UNIT_MAX)];
    if (from === 0 && hasLine)
      throw new EdgeError('EDGE_USAGE', 'nobody answers to unit 0 of a line: it is a broadcast', {
        hint: `Begin with 1: --units 1-${to === 0 ? UNIT_MAX : to}.`,
      });
    if (to < from)
      throw new EdgeError('EDGE_USAGE', `${part} ends before it begins`, {
        hint: `Write --units ${to}-${from}.`,
      });
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  return [...new Set(units)];
}

export function number(text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text.trim()) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new EdgeError('EDGE_USAGE', `${text} is no whole number from ${min} to ${max}`, {
    hint: 'See edgetwin mapper scan --help.',
  });
}

function format(text: string): LineFormat {
  const format = parseFormat(text);
  if (format !== undefined) return format;
  throw new EdgeError('EDGE_USAGE', `${text} is no format of a line`, {
    hint: 'Use data bits, parity and stop bits, such as 8N1, 8E1 or 7E2.',
  });
}
