import { systemClock } from '#protocol/clock.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import type { Terminal } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { readBoundedText } from '#journal/bounded-file.js';
import { verifyBundle } from '../release/bundle.js';
import { ARCHITECTURES } from '../release/manifest.js';
import type { Architecture } from '../release/manifest.js';
import { parseRoots } from '../release/signature.js';

/** Bytes of the file of root keys: eight keys with remarks. */
const ROOTS_BYTES_MAX = 4_096;

/** Rejects with EDGE_BUNDLE for a bundle that should not be installed, EDGE_CONFIG without root keys. */
export async function verifyVerb(args: Arguments, terminal: Terminal): Promise<void> {
  const file = args.required('FILE');
  const { manifest, clockBehind } = await verifyBundle(file, {
    roots: await readRoots(args.required('root')),
    product: 'edgetwin',
    architecture: (args.text('architecture') ?? ownArchitecture()) as Architecture | undefined,
    newerThan: counterOf(args.text('newer-than')),
    nowMs: systemClock.wallTime(),
  });
  const { product, version, counter, architecture, files, packed, expiresMs } = manifest;
  const expires = new Date(expiresMs).toISOString();
  const warning = 'the clock stands before the release was made: its expiry was not checked';
  if (args.on('json')) {
    const size = files.reduce((sum, one) => sum + one.size, 0);
    const told = { product, version, counter, architecture, expires, clockBehind };
    terminal.out(
      `${JSON.stringify({ file, ...told, files: files.length, size, packed: packed.size })}\n`,
    );
    return;
  }
  if (clockBehind) terminal.err(`warning: ${warning}\n`);
  terminal.out(
    `${file} is sound: ${product} ${version} (counter ${counter}) for ${architecture}, ` +
      `${files.length} files, good until ${expires}\n`,
  );
}

async function readRoots(file: string): Promise<readonly Uint8Array[]> {
  try {
    return parseRoots(await readBoundedText(file, ROOTS_BYTES_MAX));
  } catch (cause) {
    const { message, hint } = EdgeError.from(cause);
    throw new EdgeError('EDGE_CONFIG', `${file}: ${message}`, {
      cause,
      hint: hint ?? 'Install the root keys of the releases that you trust, or name them by --root.',
    });
  }
}

/** `any` and undefined alike: a bundle of any processor can be looked at on any machine. */
function ownArchitecture(): Architecture | undefined {
  return ARCHITECTURES.find((one) => one === process.arch);
}

function counterOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const counter = Number(text);
  if (/^\d{1,15}$/.test(text)) return counter;
  throw new EdgeError('EDGE_USAGE', `--newer-than is ${text}, not a counter`, {
    hint: '`edgetwin verify --json` shows the counter of a bundle.',
  });
}
