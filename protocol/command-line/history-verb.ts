import type { HistoryDocument, SampleDocument } from '../history-document.js';
import { HISTORY_PAGE_MAX } from '../history-document.js';
import { EdgeError } from '../errors.js';
import { formatText } from '../value-check.js';
import type { Flag } from './command.js';
import type { ControlClient } from './control-client.js';
import type { Arguments } from './parse.js';
import type { Terminal } from './terminal.js';
import { printable } from './text-table.js';
import { devicePath } from './twin-verbs.js';

/** Flags of `history`, at hub and gateway. */
export const HISTORY_FLAGS: readonly Flag[] = [
  { name: 'last', value: 'TIME', summary: 'Readings of the last so long: 90s, 30m, 12h, 7d.' },
  { name: 'from', value: 'TIME', summary: 'Readings from then on: 2026-01-31 or RFC 3339.' },
  { name: 'to', value: 'TIME', summary: 'Readings up to then.' },
  { name: 'limit', value: 'N', summary: 'At most so many samples; default: all there are.' },
];

/** `history`: a line for each sample, in the order in which they came; JSON lines with --json. */
export async function history(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const [last, from, to] = [args.text('last'), args.text('from'), args.text('to')];
  if (last !== undefined && from !== undefined)
    throw new EdgeError('EDGE_USAGE', '--last and --from say the same', { hint: 'Give one.' });
  const property = encodeURIComponent(args.required('PROPERTY'));
  const path = `${devicePath(args.required('NAMESPACE/NAME'))}/properties/${property}/history`;
  const query = new URLSearchParams({
    ...(last === undefined ? {} : { from: `-${last}` }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  let left = limitOf(args.text('limit'));
  while (left > 0 && !terminal.signal.aborted) {
    query.set('limit', String(Math.min(left, HISTORY_PAGE_MAX)));
    const { body } = await client.request({ path: `${path}?${query.toString()}` });
    const { samples, next } = body as HistoryDocument;
    for (const sample of samples)
      terminal.out(args.on('json') ? `${JSON.stringify(sample)}\n` : sampleLine(sample));
    left -= samples.length;
    if (next === undefined) return;
    query.set('after', next);
  }
}

function sampleLine({ timestamp = '-', value, quality, reason, clock }: SampleDocument): string {
  const doubt = quality === 'good' ? '' : `  ${quality}${reason === undefined ? '' : ` ${reason}`}`;
  const time = clock === undefined ? timestamp : `${timestamp} (${clock})`;
  return `${printable(`${time}  ${formatText(value)}${doubt}`)}\n`;
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Infinity;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new EdgeError('EDGE_USAGE', `--limit ${text} is not a number of samples`, {
    hint: 'Give a whole number from 1 on.',
  });
}
