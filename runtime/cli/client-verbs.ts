import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { systemClock } from '#protocol/clock.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { textTable } from '#protocol/command-line/text-table.js';
import { EdgeError } from '#protocol/errors.js';
import { systemRandom } from '#protocol/random.js';
import { isoTime } from '#protocol/twin-document.js';
import { fingerprintOf, isCommonName } from '../eventbus/client-certificate.js';
import {
  isClientName,
  isClientTopic,
  isDevicePattern,
  isFingerprint,
} from '../eventbus/client-file.js';
import type { ClientRecord } from '../eventbus/client-file.js';
import { readClients, writeClients } from '../eventbus/client-registry.js';
import { CLIENT_LIMITS } from '../eventbus/limits.js';
import { hashPassword, newPassword } from '../eventbus/password-check.js';
import { configFile, readSite } from './gateway-file.js';

/** `client add`: a password is printed once and kept as its scrypt hash. */
export async function clientAdd(args: Arguments, terminal: Terminal): Promise<void> {
  const name = args.required('NAME');
  const grant = {
    ...{ name, devices: args.texts('device'), topics: args.texts('topic') },
    write: args.on('write'),
  };
  checkGrant(grant);
  const { dataDir } = await readSite(await configFile(args));
  const clients = new Map(await readClients(dataDir));
  if (clients.has(name) && !args.on('force'))
    throw new EdgeError('EDGE_CONFLICT', `there is a client ${name} already`, {
      hint: 'Choose another name, or replace it with --force: it gets another password.',
    });
  if (!clients.has(name) && clients.size >= CLIENT_LIMITS.clients)
    throw new EdgeError('EDGE_LIMIT', `there are ${CLIENT_LIMITS.clients} clients already`, {
      hint: 'Remove clients that are no longer used.',
    });
  const known = await certificateOf(args);
  checkUnique(known, name, clients);
  const file = args.text('password-file');
  const chosen = file === undefined ? undefined : await passwordOf(file);
  if (args.on('dry-run')) {
    print({ wouldAdd: { ...grant, ...known } }, `would add ${name}\n`, args, terminal);
    return;
  }
  const created = systemClock.wallTime();
  if (known !== undefined) {
    clients.set(name, { ...grant, ...known, created });
    await writeClients(dataDir, clients.values(), systemRandom);
    print({ ...grant, ...known }, `added ${name}\n`, args, terminal);
    return;
  }
  const password = chosen ?? newPassword(systemRandom);
  const stored = await hashPassword(Buffer.from(password), systemRandom);
  clients.set(name, { ...grant, password: stored, created });
  await writeClients(dataDir, clients.values(), systemRandom);
  const shown = chosen === undefined ? { ...grant, password } : grant;
  print(shown, chosen === undefined ? `${password}\n` : `added ${name}\n`, args, terminal);
}

export async function clientList(args: Arguments, terminal: Terminal): Promise<void> {
  const { dataDir } = await readSite(await configFile(args));
  const clients = [...(await readClients(dataDir)).values()].map(shownOf);
  const rows = clients.map(({ name, devices, write, topics, by, created }) => [
    ...[name, devices.join(' ') || '-', write ? 'yes' : 'no', topics.join(' ') || '-', by, created],
  ]);
  const table = textTable(['NAME', 'DEVICES', 'WRITE', 'TOPICS', 'BY', 'CREATED'], rows);
  print({ clients }, table, args, terminal);
}

export async function clientRemove(args: Arguments, terminal: Terminal): Promise<void> {
  const name = args.required('NAME');
  const { dataDir } = await readSite(await configFile(args));
  const clients = new Map(await readClients(dataDir));
  if (!clients.delete(name))
    throw new EdgeError('EDGE_USAGE', `there is no client ${name}`, {
      hint: '`edgetwin client list` shows those that there are.',
    });
  if (args.on('dry-run')) {
    print({ wouldRemove: name }, `would remove ${name}\n`, args, terminal);
    return;
  }
  await writeClients(dataDir, clients.values(), systemRandom);
  print({ removed: name }, `removed ${name}\n`, args, terminal);
}

function checkGrant({ name, devices, topics }: Pick<ClientRecord, 'name' | 'devices' | 'topics'>) {
  if (!isClientName(name))
    throw usage(`${name} is not a client’s name`, 'Use a-z, 0-9, dots, dashes, underscores.');
  for (const device of devices)
    if (!isDevicePattern(device))
      throw usage(`${device} is no device`, 'Write namespace/name, namespace/* or *.');
  for (const topic of topics)
    if (!isClientTopic(topic))
      throw usage(`${topic} is no topic of programs`, 'Write a filter without $, such as plant/#.');
  if (devices.length > CLIENT_LIMITS.grants || topics.length > CLIENT_LIMITS.grants)
    throw usage('these are too many grants', `At most ${CLIENT_LIMITS.grants} of each kind.`);
}

async function passwordOf(file: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new EdgeError('EDGE_USAGE', `${file} cannot be read`, { cause, hint: 'Check the path.' });
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  const { passwordCharsMin, passwordBytes } = CLIENT_LIMITS;
  if (line.length >= passwordCharsMin && Buffer.byteLength(line) <= passwordBytes) return line;
  throw usage(
    `the password in ${file} is too short or too long`,
    `Use ${passwordCharsMin} characters to ${passwordBytes} bytes, or let one be made.`,
  );
}

/** Never the hash of a password. */
function shownOf({ name, devices, write, topics, created, certificate, subject }: ClientRecord) {
  const by =
    certificate !== undefined
      ? `certificate ${certificate.slice(0, 16)}`
      : subject !== undefined
        ? `subject ${subject}`
        : 'password';
  return { name, devices, write, topics, by, created: isoTime(created) ?? '-' };
}

/** What the client is known by instead of a password. Rejects with EDGE_USAGE. */
async function certificateOf(
  args: Arguments,
): Promise<{ certificate: string } | { subject: string } | undefined> {
  const [given, subject] = [args.text('certificate'), args.text('subject')];
  const ways = [given, subject, args.text('password-file')];
  if (ways.filter((way) => way !== undefined).length > 1)
    throw usage(
      'a client proves itself in one way',
      'Give one of --certificate, --subject and --password-file.',
    );
  if (subject !== undefined && !isCommonName(subject))
    throw usage(
      `${subject} is no common name that can be compared`,
      'Use at most 64 of A-Z, a-z, 0-9, spaces and ._@:-.',
    );
  if (subject !== undefined) return { subject };
  if (given === undefined) return undefined;
  const digits = given.replaceAll(':', '').toLowerCase();
  return { certificate: isFingerprint(digits) ? digits : await fingerprintIn(given) };
}

function checkUnique(
  known: Partial<Record<'certificate' | 'subject', string>> | undefined,
  name: string,
  clients: ReadonlyMap<string, ClientRecord>,
): void {
  for (const other of clients.values())
    for (const kind of ['certificate', 'subject'] as const)
      if (known?.[kind] !== undefined && other[kind] === known[kind] && other.name !== name)
        throw new EdgeError('EDGE_CONFLICT', `${other.name} has this ${kind} already`, {
          hint: 'Each client needs a certificate of its own.',
        });
}

async function fingerprintIn(file: string): Promise<string> {
  try {
    return fingerprintOf(new X509Certificate(await readFile(file)));
  } catch (cause) {
    throw new EdgeError('EDGE_USAGE', `${file} holds no certificate that can be read`, {
      cause,
      hint: 'Name a PEM file, or give the SHA-256 of the certificate in hexadecimal.',
    });
  }
}

function usage(message: string, hint: string): EdgeError {
  return new EdgeError('EDGE_USAGE', message, { hint });
}

function print(body: unknown, forPeople: string, args: Arguments, terminal: Terminal): void {
  terminal.out(args.on('json') ? `${JSON.stringify(body)}\n` : forPeople);
}
