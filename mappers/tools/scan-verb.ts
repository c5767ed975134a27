import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { printable } from '#protocol/command-line/text-table.js';
import { EdgeError } from '#protocol/errors.js';
import { formatYaml } from '#protocol/yaml-file.js';
import { linesOf, number, unitsOf } from './line-arguments.js';
import type { LivePorts } from './live.js';
import { scan, type FoundSlave, type ScanOptions } from './scan.js';
import { isTemplateName } from '../templates/library.js';
import { SUNSPEC_MODELS } from '../modbus/sunspec-models.js';
import { sunSpecTemplate } from './sunspec-template.js';

/** Milliseconds between two lines of progress. */
const PROGRESS_MS = 1_000;
const NOTHING = 'nothing answered';
const NEXT =
  'Describe each in a file of four lines: template (edgetwin mapper template list), name, unit, and port or host.\n';

export async function scanVerb(
  parts: LivePorts,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const isJson = args.on('json');
  const slaves = await scan(
    optionsOf(parts, args, terminal, (slave) => {
      terminal.out(isJson ? `${JSON.stringify(documentOf(slave))}\n` : textOf(slave));
    }),
    parts,
  );
  if (slaves.length > 0) {
    if (!isJson) terminal.err(NEXT);
    return;
  }
  throw new EdgeError('EDGE_DEVICE_TIMEOUT', NOTHING, {
    hint: 'Check A and B of the line, the power of the devices, and try other --baud, --format and --units.',
  });
}

/** A template for what stands there: of a SunSpec device from itself, of others a beginning. */
export async function newTemplate(
  parts: LivePorts,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const name = args.required('NAME');
  if (!isTemplateName(name))
    throw new EdgeError('EDGE_USAGE', `${name} is no name of a template`, {
      hint: 'Use up to 63 lower-case letters, digits and hyphens, such as roof-meter.',
    });
  const isAsked = args.text('host') !== undefined || args.text('port') !== undefined;
  const [slave] = isAsked
    ? await scan(
        optionsOf(parts, args, terminal, () => undefined),
        parts,
      )
    : [];
  if (isAsked && slave === undefined)
    throw new EdgeError('EDGE_DEVICE_TIMEOUT', NOTHING, {
      hint: 'Find it with edgetwin mapper scan.',
    });
  const transport = slave?.settings.transport ?? 'rtu';
  const document =
    slave?.sunspec === undefined
      ? beginning(name, transport)
      : sunSpecTemplate(name, slave.sunspec, { transport });
  const isJson = args.on('json');
  terminal.out(isJson ? `${JSON.stringify(document, null, 2)}\n` : await formatYaml(document));
}

function optionsOf(
  { clock }: LivePorts,
  args: Arguments,
  terminal: Terminal,
  found: (slave: FoundSlave) => void,
): ScanOptions {
  let toldAtMs = -Infinity;
  const lines = linesOf(args);
  return {
    lines,
    units: unitsOf(args.text('units') ?? '1', lines),
    timeoutMs: number(args.text('timeout') ?? '200', 10, 60_000),
    signal: terminal.signal,
    found,
    progress: (done, total, line) => {
      if (clock.now() - toldAtMs < PROGRESS_MS) return;
      toldAtMs = clock.now();
      terminal.err(`${done} of ${total}: ${line}\n`);
    },
  };
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
  return {
    apiVersion: 'devices.kubeedge.io/v1beta1',
    kind: 'DeviceModel',
    metadata: {
      name,
      annotations: { source: 'say where the table is from', verified: 'community' },
    },
    spec: {
      protocol: 'modbus',
      protocolConfigData: { transport },
      properties: [
        {
          name: 'temperature',
          type: 'DOUBLE',
          unit: 'Cel',
          accessMode: 'ReadOnly',
          visitors: { protocolName: 'modbus', configData },
        },
      ],
    },
  };
}
