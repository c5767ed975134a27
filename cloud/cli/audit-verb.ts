import type { Arguments } from '#protocol/command-line/parse.js';
import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { printable } from '#protocol/command-line/text-table.js';
import { PAGE_MAX } from '#protocol/page.js';
import type { AuditDocument } from '../audit/audit-document.js';

/** `audit`: a line for each record, oldest first; JSON lines with --json. */
export async function audit(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const query = new URLSearchParams({ limit: String(PAGE_MAX) });
  for (const name of ['since', 'actor', 'node']) {
    const value = args.text(name);
    if (value !== undefined) query.set(name, sinceOf(name, value));
  }
  while (!terminal.signal.aborted) {
    const { body } = await client.request({ path: `/api/v1/audit?${query.toString()}` });
    const page = body as { records: readonly AuditDocument[]; next?: string };
    for (const record of page.records)
      terminal.out(args.on('json') ? `${JSON.stringify(record)}\n` : lineOf(record));
    if (page.next === undefined) return;
    query.set('after', page.next);
  }
}

/** `12h` on the command line is twelve hours before now. */
function sinceOf(name: string, value: string): string {
  return name === 'since' && /^\d{1,9}(?:ms|s|m|h|d)$/.test(value) ? `-${value}` : value;
}

function lineOf(record: AuditDocument): string {
  const { n, at = '-', actor, action, subject, node, before, after, code, detail } = record;
  const parts = [
    ...[String(n), at, actor, action, subject],
    ...(node === undefined ? [] : [`at ${node}`]),
    ...(before === undefined ? [] : [`before ${JSON.stringify(before)}`]),
    ...(after === undefined ? [] : [`after ${JSON.stringify(after)}`]),
    ...(code === undefined ? [] : [`refused ${code}`]),
    ...(detail === undefined ? [] : [`(${detail})`]),
  ];
  return `${printable(parts.join('  '))}\n`;
}
