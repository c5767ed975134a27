import { generateKeyPairSync } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import type { ControlClient } from '#protocol/command-line/control-client.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { millisecondsOf } from '#protocol/command-line/time-text.js';
import { EdgeError } from '#protocol/errors.js';
import { encodePrepared, PREPARED_BYTES, type Prepared } from '#protocol/prepared.js';
import type { CertifiedKey } from '../enrolment/identity-desk.js';

const HOUR_MS = 3_600_000;

/** Writes the file of one gateway. A key is made here and is in that file only. */
export async function prepare(
  client: ControlClient,
  args: Arguments,
  terminal: Terminal,
): Promise<void> {
  const [node, out] = [args.required('NODE'), args.required('out')];
  const config = await configOf(args.text('config'));
  // Opened first: nothing is made that could not be kept.
  const file = await create(out);
  try {
    const way = args.on('with-key')
      ? { identity: await identityOf(client, node) }
      : { token: await tokenOf(client, node, millisecondsOf(args.required('ttl'))) };
    const prepared: Prepared = { node, ...way, ...(config === undefined ? {} : { config }) };
    await file.writeFile(encodePrepared(prepared));
    await file.sync();
    await file.close();
  } catch (thrown) {
    await file.close();
    await rm(out, { force: true });
    throw thrown;
  }
  const text = `wrote ${out} for ${node}; whoever has it can be ${node}\n`;
  terminal.out(args.on('json') ? `${JSON.stringify({ node, file: out })}\n` : text);
}

async function tokenOf(client: ControlClient, node: string, ttlMs: number): Promise<string> {
  const body = { node, ttlHours: ttlMs / HOUR_MS };
  const answer = await client.request({ method: 'POST', path: '/api/v1/tokens', body });
  return (answer.body as { token: string }).token;
}

async function identityOf(client: ControlClient, node: string): Promise<Prepared['identity'] & {}> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const path = `/api/v1/nodes/${encodeURIComponent(node)}/certificate`;
  const answer = await client.request({ method: 'POST', path, body: { publicKey: spki } });
  const { hub, certificate, authority } = answer.body as CertifiedKey;
  const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  return { hub, key, certificate, authority };
}

async function configOf(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  try {
    const bytes = await readFile(path);
    if (bytes.length < PREPARED_BYTES / 2) return bytes.toString();
  } catch (cause) {
    throw new EdgeError('EDGE_CONFIG', `${path} cannot be read.`, { cause });
  }
  throw new EdgeError('EDGE_CONFIG', `${path} is too long for a configuration.`);
}

async function create(path: string): ReturnType<typeof open> {
  try {
    return await open(path, 'wx', 0o600);
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw new EdgeError(
      exists ? 'EDGE_CONFLICT' : 'EDGE_STORAGE',
      exists ? `${path} exists already.` : `${path} cannot be written.`,
      { cause, hint: 'Name a new file.' },
    );
  }
}
