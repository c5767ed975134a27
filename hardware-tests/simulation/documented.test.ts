import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { ALL_FAULTS } from './options.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

async function simulate(
  words: readonly string[],
): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, ['dist/hardware-tests/simulation/main.js', ...words], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number]>,
  ]);
  return { code, out, err };
}

/** The commands that docs/simulation.md tells people to run, as words. */
async function documented(): Promise<string[][]> {
  const page = await readFile(`${ROOT}/docs/simulation.md`, 'utf8');
  const blocks = [...page.matchAll(/^```sh run\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
  return blocks.map((block) =>
    block
      .trim()
      .replace(/^npm run simulate -- /, '')
      .split(' '),
  );
}

test('the documented commands run, at a small size', async (t) => {
  t.timeout(5 * 60_000);
  const commands = await documented();
  t.true(commands.length >= 3);
  for (const words of commands) {
    const small = words.map((word, index) => {
      if (words[index - 1] === '--seeds') return '2';
      if (words[index - 1] === '--gateways') return '2';
      return words[index - 1] === '--days' ? '0.1' : word;
    });
    const { code, out, err } = await simulate(small);
    t.is(code, 0, `${small.join(' ')}: ${out}${err}`);
    t.regex(out, /seeds +2\n/);
    t.regex(out, /no breach/);
  }
});

test('a replay tells the same life as the run that found it', async (t) => {
  const first = await simulate(['--replay', '5']);
  const second = await simulate(['--replay', '5']);
  t.is(first.code, 0);
  t.is(second.out, first.out);
});

test('figures as JSON do not depend on the number of workers', async (t) => {
  const figures = async (workers: string): Promise<Record<string, unknown>> => {
    const { out } = await simulate(['--seeds', '6', '--json', '--workers', workers]);
    const { lives, turns, faults, checks } = JSON.parse(out) as Record<string, unknown>;
    return { lives, turns, faults, checks };
  };
  t.deepEqual(await figures('1'), await figures('3'));
});

test('help lists every fault, and misuse is told', async (t) => {
  const { out } = await simulate(['--help']);
  for (const fault of ALL_FAULTS) t.true(out.includes(`  ${fault} `), fault);
  for (const words of [['--faults', 'floods'], ['--seeds', 'many'], ['--nonsense']]) {
    const { code, err } = await simulate(words);
    t.is(code, 2, words.join(' '));
    t.regex(err, /EDGE_USAGE/);
  }
});
