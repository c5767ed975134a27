import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { EDGETWIN_HUB } from '#cloud/cli/commands.js';
import { parseCommandLine } from '#protocol/command-line/parse.js';
import { EDGETWIN } from '#runtime/cli/commands.js';
import { DocumentedSite, hasTool, ROOT } from './documented-site.js';

/** Its blocks belong to the simulator's own test. */
const SIMULATION = 'docs/simulation.md';
/** `walk` belongs to readme.test.ts, `replay` to the simulator's; `machine` changes the machine. */
const MARKS = ['run', 'walk', 'replay', 'machine'];
/** Blocks that install or build: what they name is held against package.json. */
const BUILDING = /^(npm ci( && npm (start|test))?|npm ci\nnpm test .*)$/m;

/** How an example of docs/cli.md ends beside programs that run; 0 unless it stands here. */
const ENDS: readonly (readonly [RegExp, number, string])[] = [
  [/^edgetwin(-hub)? run /, 1, 'EDGE_LOCKED'],
  [/^edgetwin join /, 4, 'EDGE_'],
  [/^edgetwin(-hub)? restore /, 1, 'EDGE_LOCKED'],
  [/^edgetwin mapper scan --port /, 4, 'EDGE_DEVICE_CLOSED'],
  [/^edgetwin mapper simulate /, 2, 'cannot listen'],
  [/^edgetwin mapper template new roof --host /, 4, 'EDGE_DEVICE_CLOSED'],
  [/^edgetwin-hub token revoke /, 4, 'EDGE_TOKEN'],
  [/^edgetwin factory-reset /, 1, 'EDGE_LOCKED'],
  [/^edgetwin verify /, 2, 'release-root.pub'],
  [/^edgetwin-hub operator remove /, 0, 'removed ann'],
  [/^edgetwin-hub forward /, 4, 'EDGE_UNSUPPORTED'],
  [/^edgetwin-hub command show /, 4, 'EDGE_NO_COMMAND'],
];

interface Block {
  readonly page: string;
  readonly mark: string;
  readonly text: string;
}

async function blocks(): Promise<Block[]> {
  const docs = (await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...docs.map((n) => `docs/${n}`)];
  const found: Block[] = [];
  for (const page of pages) {
    const content = await readFile(join(ROOT, page), 'utf8');
    for (const [, mark = '', text = ''] of content.matchAll(/^```sh(.*)\n([^]*?)^```$/gm))
      found.push({ page, mark: mark.trim(), text: text.trim() });
  }
  return found;
}

let site: DocumentedSite;

test.before(async () => {
  site = await DocumentedSite.start();
});

test.after.always(() => site.stop());

test.serial('every block of commands is one that a test runs', async (t) => {
  const all = await blocks();
  t.true(all.length > 40);
  for (const { page, mark, text } of all) {
    const isRun = MARKS.includes(mark) || page === 'docs/cli.md';
    t.true(isRun || BUILDING.test(text), `${page}: ${text}`);
  }
});

test.serial('the examples of the command lines do what they say', async (t) => {
  t.timeout(5 * 60_000);
  const examples = (await blocks()).filter(({ page }) => page === 'docs/cli.md');
  t.true(examples.length >= 26);
  for (const { text } of examples) {
    const isWatch = text.includes(' watch');
    const command = isWatch ? `timeout -s INT 3 ${text}` : text;
    const [, expected = 0, sign = ''] = ENDS.find(([like]) => like.test(text)) ?? [];
    const { code, output } = await site.run(command);
    t.is(code, isWatch ? 124 : expected, `${text}\n${output}`);
    t.true(output.includes(sign), `${text}\n${output}`);
  }
});

test.serial('the commands of the other pages run', async (t) => {
  t.timeout(5 * 60_000);
  const all = (await blocks()).filter(({ page, mark }) => mark === 'run' && page !== SIMULATION);
  for (const { page, text } of all) {
    const missing = ['curl', 'mosquitto_pub', 'openssl', 'jq'].find(
      (tool) => new RegExp(`\\b${tool}\\b`).test(text) && !hasTool(tool),
    );
    if (missing !== undefined) {
      t.log(`skipped a block of ${page}: needs ${missing}`);
      continue;
    }
    const { code, output } = await site.run(text);
    t.is(code, 0, `${page}: ${text}\n${output}`);
  }
  t.true(all.length >= 13);
});

test.serial('every metric that a page names is there', async (t) => {
  const { output } = await site.run(
    'curl -sf http://127.0.0.1:7080/metrics; curl -sf http://127.0.0.1:10550/metrics',
  );
  for (const page of ['docs/operations.md', 'docs/api.md', 'docs/journal.md']) {
    const content = await readFile(join(ROOT, page), 'utf8');
    for (const [, name = ''] of content.matchAll(/`(edgetwin_[a-z_]+)/g))
      t.true(output.includes(`\n${name}`), `${page}: ${name}`);
  }
});

test.serial('the units of systemd start what the programs understand', async (t) => {
  for (const [file, program] of [
    ['edgetwin.service', EDGETWIN],
    ['edgetwin-prepared.conf', EDGETWIN],
    ['edgetwin-hub.service', EDGETWIN_HUB],
  ] as const) {
    const unit = await readFile(join(ROOT, 'docs/examples', file), 'utf8');
    const [path = '', ...words] = /^ExecStart=(.+)$/m.exec(unit)?.[1]?.split(' ') ?? [];
    t.is(path, `/usr/local/bin/${program.name}`);
    t.like(parseCommandLine(program, words), { kind: 'run', command: { words: ['run'] } });
  }
});
