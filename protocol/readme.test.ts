import { readFileSync } from 'node:fs';
import test from 'ava';
import { digestRows } from './digest.js';
import type { DigestRow } from './digest.js';
import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { CODEC_VERSION, decodeMessage, encodeMessage } from './message-codec.js';
import { MessageCompression } from './message-compression.js';
import { DICTIONARIES, DICTIONARY_IDS } from './message-dictionary.js';
import { confirmed, mark, nextNumbers } from './numbering.js';
import type { Fork, NumberingState } from './numbering.js';
import type { SyncMessage } from './sync-message.js';

const README = page('protocol/README.md');
const WIRE = page('docs/wire-format.md');
/** A message, then its bytes as `docs/wire-format.md` shows them. */
const EXAMPLE = /^```json( packed)?\n([^`]*?)^```\n```hex\n(.*?)^```$/gms;
/** Types that there may be one day; the codec knows far fewer. */
const TYPES_TRIED = 200;

function page(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

function bytesOf(dump: string): Uint8Array {
  const pairs = dump.split('\n').flatMap((line) => line.slice(0, 47).match(/[0-9a-f]{2}/g) ?? []);
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}

function examples(): { message: SyncMessage; bytes: Uint8Array; isPacked: boolean }[] {
  return Array.from(WIRE.matchAll(EXAMPLE), ([, packed, json = '', dump = '']) => ({
    message: JSON.parse(json) as SyncMessage,
    bytes: bytesOf(dump),
    isPacked: packed !== undefined,
  }));
}

function wire(body: string): Uint8Array {
  return Uint8Array.from([CODEC_VERSION, 0, ...new TextEncoder().encode(body)]);
}

function isRefused(body: string): string | undefined {
  try {
    decodeMessage(wire(body));
    return undefined;
  } catch (thrown) {
    return EdgeError.from(thrown).code;
  }
}

function block(text: string, name: string): unknown {
  const found = new RegExp(`^\`\`\`json ${name}\\n(.*?)^\`\`\`$`, 'ms').exec(text);
  return JSON.parse(found?.[1] ?? '');
}

/** Rows of the tables of a page, cell by cell. */
function rows(text: string): string[][] {
  return Array.from(text.matchAll(/^\| (.*) \|$/gm), ([, row = '']) => row.split(' | '));
}

for (const [index, { message, bytes, isPacked }] of examples().entries())
  test(`example ${index + 1} of the wire format, ${message.kind}, is what the codec reads and writes`, (t) => {
    const [dictionary] = DICTIONARIES;
    const compression = new MessageCompression(dictionary!);
    t.is((bytes[1] ?? 0) === 1, isPacked);
    t.deepEqual(decodeMessage(compression.unpack(bytes)), message);
    if (!isPacked) t.deepEqual(encodeMessage(message), bytes);
    else t.true(compression.pack(encodeMessage(message)).length <= bytes.length + 4);
  });

test('every type of the codec has an example, a section and a row of the table', (t) => {
  const known = Array.from({ length: TYPES_TRIED }, (_, type) => type).filter(
    (type) => isRefused(`[${type}]`) !== 'EDGE_UNSUPPORTED',
  );
  t.true(known.length >= 23);
  const shown = new Map<number, string>();
  for (const { message, isPacked } of examples())
    if (!isPacked) {
      const [type] = JSON.parse(new TextDecoder().decode(encodeMessage(message).subarray(2))) as [
        number,
      ];
      shown.set(type, message.kind);
    }
  t.deepEqual(
    [...shown.keys()].sort((a, b) => a - b),
    known,
  );
  for (const [type, kind] of shown) {
    const name = kind.toUpperCase();
    t.true(WIRE.includes(`\n### ${type} ${name}, `), `section of ${name}`);
    t.true(
      rows(README).some(([code, title]) => code === String(type) && title === name),
      `row of ${name}`,
    );
  }
});

test('the dictionary of the page is the one of the codec', (t) => {
  const strings = block(WIRE, 'dictionary') as string[];
  const bytes = new TextEncoder().encode(strings.join(''));
  t.deepEqual(bytes, new Uint8Array(DICTIONARIES[0]!.bytes));
  t.true(WIRE.includes(`\`${DICTIONARY_IDS[0]}\`. Its ${bytes.length.toLocaleString('en')} bytes`));
});

test('the rows of the digest have the digest of its example', (t) => {
  const digest = examples().find(({ message }) => message.kind === 'digest')?.message;
  t.is(digest?.kind, 'digest');
  if (digest?.kind !== 'digest') return;
  t.like(digest.devices[0], {
    reported: digestRows(block(WIRE, 'digest') as DigestRow[]),
    desired: digestRows([]),
  });
});

test('bodies are refused or taken as the page says', (t) => {
  const [refused = '', taken = ''] = WIRE.slice(WIRE.indexOf('## 5.')).split('These are taken');
  const bodies = (text: string): string[] =>
    rows(text).flatMap(([cell = '']) => /^`(.*)`$/.exec(cell)?.[1] ?? []);
  t.true(bodies(refused).length >= 10 && bodies(taken).length >= 4);
  for (const body of bodies(refused)) t.regex(isRefused(body) ?? 'taken', /MALFORMED|LIMIT/, body);
  for (const body of bodies(taken)) t.is(isRefused(body), undefined, body);
});

interface Step {
  readonly step: string;
  readonly restore?: readonly [boot: string, value: number];
  readonly use?: readonly [boot: string, count: number];
  readonly confirm?: string;
  readonly value: number;
  readonly forks: readonly (readonly [string, number])[];
  readonly learnt: readonly string[];
  readonly mark: number;
}

test('the worked example of numbers goes as the page says', (t) => {
  let state: NumberingState = { value: 0, metIn: '', forks: [] };
  const steps = block(README, 'numbering') as Step[];
  t.true(steps.length >= 7);
  for (const { step, restore, use, confirm, ...told } of steps) {
    if (restore !== undefined) state = { value: restore[1], metIn: restore[0], forks: [] };
    if (use !== undefined) state = nextNumbers(state, ...use);
    if (confirm !== undefined) state = confirmed(state, confirm);
    t.is(state.value, told.value, step);
    const forks = told.forks.map(([boot, before]): Fork => ({ boot, before }));
    t.deepEqual(state.forks, forks, step);
    t.is(mark(state, told.learnt), told.mark, step);
  }
});

test('the limits of the protocol that the page names are the constants', (t) => {
  const limits: Readonly<Record<string, number>> = LIMITS;
  const told = rows(README).filter(([, of]) => of === 'protocol');
  t.true(told.length >= 18);
  for (const [name = '', , value] of told) t.is(limits[name], Number(value), name);
});

test('pictures have no semicolon, which ends a statement of Mermaid', (t) => {
  const pictures = Array.from(README.matchAll(/^```mermaid\n(.*?)^```$/gms), ([, code]) => code);
  t.true(pictures.length >= 9);
  for (const picture of pictures) t.notRegex(picture ?? '', /;/);
});

test('links of the pages lead to files and headings that exist', (t) => {
  for (const [text, folder] of [
    [README, 'protocol/'],
    [WIRE, 'docs/'],
  ] as const)
    for (const [, target = '', anchor] of text
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)) {
      const linked = target === '' ? text : page(`${folder}${target}`);
      if (anchor === undefined) continue;
      const anchors = Array.from(linked.matchAll(/^#+ (.*)$/gm), ([, title = '']) =>
        title
          .toLowerCase()
          .replace(/[^a-z0-9 -]/g, '')
          .replaceAll(' ', '-'),
      );
      t.true(anchors.includes(anchor), `${target}#${anchor}`);
    }
});
