import type { Arguments } from '#protocol/command-line/parse.js';
import { EdgeError } from '#protocol/errors.js';
import { parseFormat, type LineFormat } from '../line-format.js';
import type { BusSettings } from '../modbus/bus-settings.js';

const UNIT_MAX = 255;

/** The lines that `--port` with `--baud` and `--format`, or `--host`, ask for. */
export function linesOf(args: Arguments): readonly BusSettings[] {
  const host = args.text('host');
  const port = args.text('port');
  if ((host === undefined) === (port === undefined))
    throw new EdgeError('EDGE_USAGE', 'either --port or --host says where to look', {
      hint: 'Use --port /dev/serial/by-id/... for a serial line, --host ADDRESS for Modbus TCP.',
    });
  if (host !== undefined)
    return [{ transport: 'tcp', host, tcpPort: number(args.text('tcp-port') ?? '502', 1, 65_535) }];
  const bauds = (args.text('baud') ?? '9600').split(',').map((one) => number(one, 300, 4_000_000));
  const formats = (args.text('format') ?? '8N1').split(',').map(format);
  return bauds.flatMap((baudRate) =>
    formats.map((line) => ({ transport: 'rtu', port: port ?? '', baudRate, ...line }) as const),
  );
}

/** `1-20,40` as numbers. */
export function unitsOf(text: string): readonly number[] {
  const units = text.split(',').flatMap((part) => {
    const [first = '', last = first] = part.split('-');
    const [from, to] = [number(first, 0, UNIT_MAX), number(last, 0, UNIT_MAX)];
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
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
