import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { printable } from '#protocol/command-line/text-table.js';
import { EdgeError } from '#protocol/errors.js';
import { formatYaml } from '#protocol/yaml-file.js';
import { linesOf, number, unitsOf } from './line-arguments.js';
import { modelDocument } from './model-document.js';
import { scan, type FoundSlave, type ScanOptions, type ScanPorts } from './scan.js';
import { isTemplateName } from '../templates/library.js';
import { SUNSPEC_MODELS } from '../modbus/sunspec-models.js';
import { serialBeginning } from './serial-beginning.js';
import { sunSpecTemplate } from './sunspec-template.js';

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 1_000;
const NOTHING = 'nothing answered';
const INTERRUPTED = 'interrupted after';
const NEXT =
  'Describe each in a file of four lines: template (edgetwin mapper template list), name, unit, and port or host.\n';

export async function scanVerb(
  parts: ScanPorts,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const isJson = args.on('json');
  const { options, reached } = optionsOf(parts, args, terminal, (slave) => {
    terminal.out(isJson ? `${JSON.stringify(documentOf(slave))}\n` : textOf(slave));
  });
  const slaves = await scan(options, parts);
  const { aborted } = terminal.signal;
  if (slaves.length === 0)
    throw nothing(
      aborted ? reached() : undefined,
      'Check A and B of the line, the power of the devices, and try other --baud, --format and --units.',
    );
  if (aborted) terminal.err(`${INTERRUPTED} ${reached()}\n`);
  if (!isJson) terminal.err(NEXT);
}

/** A template for what stands there: of a SunSpec device from itself, of others a beginning. */
export async function newTemplate(
  parts: ScanPorts,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const name = args.required('NAME');
  if (!isTemplateName(name))
    throw new EdgeError('EDGE_USAGE', `${name} is no name of a template`, {
      hint: 'Use up to 63 lower-case letters, digits and hyphens, such as roof-meter.',
    });
  const isSerial = args.text('protocol') === 'serial';
  const isAsked = args.text('host') !== undefined || args.text('port') !== undefined;
  if (isSerial && isAsked)
    throw new EdgeError(
      'EDGE_USAGE',
      'a sensor of the protocol serial cannot be asked what it is',
      {
        hint: 'Leave --host and --port out: what is printed is a beginning.',
      },
    );
  const slave = isAsked ? await firstOf(parts, args, terminal) : undefined;
  const transport = slave?.settings.transport ?? 'rtu';
  const document =
    slave?.sunspec === undefined
      ? (isSerial ? serialBeginning : beginning)(name, transport)
      : sunSpecTemplate(name, slave.sunspec, { transport });
  const isJson = args.on('json');
  terminal.out(isJson ? `${JSON.stringify(document, null, 2)}\n` : await formatYaml(document));
}

async function firstOf(parts: ScanPorts, args: Arguments, terminal: Terminal): Promise<FoundSlave> {
  const { options, reached } = optionsOf(parts, args, terminal, () => undefined);
  const [slave] = await scan(options, parts);
  if (slave !== undefined) return slave;
  const where = terminal.signal.aborted ? reached() : undefined;
  throw nothing(where, 'Find it with edgetwin mapper scan.');
}

/** `reached`: how far it was when it was interrupted, such as `3 of 20`. */
function nothing(reached: string | undefined, hint: string): EdgeError {
  if (reached === undefined) return new EdgeError('EDGE_DEVICE_TIMEOUT', NOTHING, { hint });
  return new EdgeError('EDGE_DEVICE_TIMEOUT', `${INTERRUPTED} ${reached}: ${NOTHING} until then`, {
    hint: 'Scan again, or fewer of --units, --baud and --format, or with a shorter --timeout.',
  });
}

function optionsOf(
  { clock }: ScanPorts,
  args: Arguments,
  terminal: Terminal,
  found: (slave: FoundSlave) => void,
): { readonly options: ScanOptions; readonly reached: () => string } {
  let toldAtMs = -Infinity;
  let reached = '';
  const lines = linesOf(args);
  const options: ScanOptions = {
    lines,
    units: unitsOf(args.text('units') ?? '1', lines),
    timeoutMs: number(args.text('timeout') ?? '200', 10, 60_000),
    signal: terminal.signal,
    found,
    progress: (done, total, line) => {
      reached = `${done} of ${total}`;
      if (clock.now() - toldAtMs < PROGRESS_MS) return;
      toldAtMs = clock.now();
      terminal.err(`${reached}: ${line}\n`);
    },
  };
  return { options, reached: () => reached };
}

function documentOf(slave: FoundSlave): Record<string, unknown> {
  const { unit, line, identity, sunspec } = slave;
  return { unit, line, identity, sunspec: sunspec?.map(({ id }) => id) };
}

function textOf({ unit, line, identity, sunspec }: FoundSlave): string {
  const models = sunspec?.map(({ id }) => SUNSPEC_MODELS.get(id)?.name ?? `model ${id}`).join('; ');
  const about = [identity?.join(' '), models === undefined ? undefined : `SunSpec: ${models}`];
  const words = about.filter((one) => one !== undefined && one !== '').join('; ');
  return `unit ${unit} at ${line}${words === '' ? '' : `: ${printable(words)}`}\n`;
}

function beginning(name: string, transport: string): Record<string, unknown> {
  const configData = { register: 'HoldingRegister', offset: 0, dataType: 'uint16', scale: 0.1 };
  const temperature = {
    ...{ name: 'temperature', type: 'DOUBLE', unit: 'Cel', accessMode: 'ReadOnly' },
    visitors: { protocolName: 'modbus', configData },
  };
  const annotations = { source: 'say where the table is from', verified: 'community' } as const;
  return modelDocument(name, annotations, {
    protocol: 'modbus',
    protocolConfigData: { transport },
    properties: [temperature],
  });
}
