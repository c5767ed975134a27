import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { textTable } from '#protocol/command-line/text-table.js';
import { EdgeError } from '#protocol/errors.js';
import type { Revocation } from '../enrolment/identity-desk.js';

type Documents = readonly Readonly<Record<string, string>>[];

export async function revoke(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const node = args.required('NODE');
  const dryRun = args.on('dry-run');
  const path = `/api/v1/nodes/${encodeURIComponent(node)}/revocation`;
  const answer = await client.request({ method: 'POST', path, body: { dryRun } });
  const ended = answer.body as Revocation;
  const what =
    `${counted(ended.certificates, 'certificate')} and ${counted(ended.tokens, 'token')}` +
    ` of ${node}`;
  if (args.on('json')) terminal.out(`${JSON.stringify(dryRun ? { ...ended, dryRun } : ended)}\n`);
  else if (dryRun) terminal.out(`would revoke ${what}\n`);
  else terminal.out(`revoked ${what}; ${counted(ended.sessions, 'session')} cut\n`);
}

export async function tokenList(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const tokens = await tokensOf(client);
  const rows = tokens.map((token) =>
    ['id', 'node', 'created', 'expires', 'used'].map((field) => token[field] ?? '-'),
  );
  const table = textTable(['TOKEN', 'NODE', 'CREATED', 'EXPIRES', 'USED'], rows);
  terminal.out(args.on('json') ? `${JSON.stringify({ tokens })}\n` : table);
}

export async function tokenRevoke(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const id = args.required('TOKEN');
  const isDryRun = args.on('dry-run');
  if (isDryRun) {
    if (!(await tokensOf(client)).some((token) => token['id'] === id))
      throw new EdgeError('EDGE_TOKEN', `there is no token ${id}`);
  } else await client.request({ method: 'DELETE', path: `/api/v1/tokens/${id}` });
  if (args.on('json'))
    terminal.out(`${JSON.stringify(isDryRun ? { wouldRevoke: id } : { revoked: id })}\n`);
  else terminal.out(`${isDryRun ? 'would revoke' : 'revoked'} ${id}\n`);
}

async function tokensOf(client: ControlClient): Promise<Documents> {
  const { body } = await client.request({ path: '/api/v1/tokens' });
  return (body as { tokens: Documents }).tokens;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
