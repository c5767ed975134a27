import type { Arguments } from '#protocol/command-line/parse.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { printable, textTable } from '#protocol/command-line/text-table.js';
import type { Device } from '#protocol/device.js';
import { EdgeError, isErrorCode } from '#protocol/errors.js';
import type { Reading, WriteOutcome } from '#protocol/mapper-port.js';
import { formatText, parseText } from '#protocol/value-check.js';
import { exchangeOrigin, loadTemplate, templateNames } from '../templates/library.js';
import { look, withDevice, writeOnce, type LivePorts } from './live.js';
import { countedText, noValue } from './no-value.js';
import { deviceOf, propertyOf, unknown } from './named.js';
import { plan } from './plan-verb.js';
import { newTemplate, scanVerb } from './scan-verb.js';
import { simulateVerb } from './simulate-verb.js';

export interface MapperToolParts extends LivePorts {
  /** Devices of `--devices FILE`, or of the gateway's configuration. */
  readonly devices: (args: Arguments) => Promise<readonly Device[]>;
}

type Verb = (parts: MapperToolParts, args: Arguments, terminal: Terminal) => Promise<void>;

/** Milliseconds that a person waits for an answer: first cycle, a time-out and one more attempt. */
const PATIENCE_MS = 10_000;

/** The commands that talk to devices themselves, without a gateway. */
export function mapperVerbs(parts: MapperToolParts): Readonly<Record<string, CommandHandler>> {
  const verbs: Readonly<Record<string, Verb>> = {
    'mapper plan': plan,
    'mapper scan': scanVerb,
    'mapper read': read,
    'mapper write': write,
    'mapper watch': watch,
    'mapper simulate': simulateVerb,
    'mapper template list': listTemplates,
    'mapper template show': showTemplate,
    'mapper template new': newTemplate,
  };
  return Object.fromEntries(
    Object.entries(verbs).map(([name, verb]) => [
      name,
      (args: Arguments, terminal: Terminal) => verb(parts, args, terminal),
    ]),
  );
}

async function read(parts: MapperToolParts, args: Arguments, terminal: Terminal): Promise<void> {
  const device = await deviceNamed(parts, args);
  const name = args.operand('PROPERTY');
  if (name !== undefined) propertyOf(device, name);
  const seen = await look(device, name, parts, PATIENCE_MS);
  const { readings, detail, counters } = seen;
  const isSilent = readings.every(({ quality }) => quality === 'bad');
  if (args.on('json')) terminal.out(`${JSON.stringify({ device: device.id, ...seen })}\n`);
  else {
    terminal.out(
      textTable(
        ['PROPERTY', 'VALUE', 'UNIT', 'QUALITY', 'REASON'],
        readings.map((one) => rowOf(device, one)),
      ),
    );
    const isWhole = readings.every(({ quality }) => quality === 'good');
    // Where no value came the error says it.
    if (!isWhole && !isSilent && detail !== undefined)
      terminal.err(`${printable(`${device.id}: ${detail}`)}\n`);
    if (!isWhole) terminal.err(countedText(counters));
  }
  if (isSilent) throw noValue(device, seen);
}

async function write(parts: MapperToolParts, args: Arguments, terminal: Terminal): Promise<void> {
  const device = await deviceNamed(parts, args);
  const property = propertyOf(device, args.required('PROPERTY'));
  const value = parseText(property, args.required('VALUE'));
  const { outcome, readBack } = await writeOnce(device, property.name, value, parts, PATIENCE_MS);
  if (!outcome.ok)
    throw new EdgeError(
      isErrorCode(outcome.code) ? outcome.code : 'EDGE_DEVICE_REJECTED',
      outcome.message,
      { hint: hintOf(outcome) },
    );
  const held = readBack?.value;
  if (args.on('json'))
    terminal.out(
      `${JSON.stringify({ device: device.id, property: property.name, written: value, readBack })}\n`,
    );
  else
    terminal.out(
      `written ${formatText(value)}; the device holds ${held === undefined ? 'what could not be read' : printable(formatText(held))}\n`,
    );
  if (held !== undefined && held !== value)
    throw new EdgeError(
      'EDGE_VALUE_DIFFERS',
      `${property.name} holds ${formatText(held)} after the write`,
      {
        hint: 'The device changed or ignored the value; see its documentation.',
      },
    );
}

async function watch(parts: MapperToolParts, args: Arguments, terminal: Terminal): Promise<void> {
  const device = await deviceNamed(parts, args);
  const isJson = args.on('json');
  let told: string | undefined;
  const heard = (reading: Reading, detail: string | undefined): void => {
    if (isJson) {
      const why = detail === undefined ? {} : { detail };
      terminal.out(`${JSON.stringify({ device: device.id, ...reading, ...why })}\n`);
      return;
    }
    const [name, value, unit, quality, reason] = rowOf(device, reading);
    terminal.out(
      `${[name, value, unit, quality === 'good' ? '' : `${quality} ${reason}`].join(' ').trimEnd()}\n`,
    );
    if (detail !== undefined && detail !== told)
      terminal.err(`${printable(`${device.id}: ${detail}`)}\n`);
    if (detail !== undefined) told = detail;
  };
  await withDevice(device, parts, heard, () => untilAborted(terminal.signal));
}

async function listTemplates(
  _: MapperToolParts,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const rows: string[][] = [];
  for (const name of await templateNames()) {
    const text = (await loadTemplate(name)) ?? '';
    const of = (key: string): string => new RegExp(`^ +${key}: (.*)$`, 'm').exec(text)?.[1] ?? '';
    rows.push([name, of('verified'), await exchangeOrigin(name), of('description')]);
  }
  if (args.on('json'))
    terminal.out(
      `${JSON.stringify(rows.map(([name, verified, exchange, description]) => ({ name, verified, exchange, description })))}\n`,
    );
  else terminal.out(textTable(['TEMPLATE', 'VERIFIED', 'EXCHANGE', 'DEVICE'], rows));
}

async function showTemplate(
  _: MapperToolParts,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const name = args.required('TEMPLATE');
  const text = await loadTemplate(name);
  if (text === undefined) throw unknown('template', name, await templateNames());
  terminal.out(args.on('json') ? `${JSON.stringify({ name, text })}\n` : text);
}

async function deviceNamed(parts: MapperToolParts, args: Arguments): Promise<Device> {
  return deviceOf(await parts.devices(args), args.required('NAMESPACE/NAME'));
}

function hintOf({ code, retry }: Exclude<WriteOutcome, { ok: true }>): string {
  if (retry) return 'The device could not be reached; try again.';
  if (code === 'EDGE_READ_ONLY')
    return 'If the device can be written there, say accessMode: ReadWrite in its model.';
  return `docs/errors.md says what ${code} means and what to do.`;
}

function rowOf(device: Device, { property, value, quality, reason }: Reading): string[] {
  const unit = device.properties.find(({ name }) => name === property)?.unit ?? '';
  return [property, value === null ? '-' : formatText(value), unit, quality, reason ?? ''];
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
