import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { hasTools } from '../tools.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

test('a second implementation, made from the pages alone, reads and writes every example', (t) => {
  if (!hasTools(t, 'python3')) return;
  const { status, stdout, stderr } = spawnSync(
    'python3',
    ['hardware-tests/protocol/second-peer.py', 'protocol/README.md', 'docs/wire-format.md'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  t.is(status, 0, stderr);
  const { kinds, examples, bodies, steps } = JSON.parse(stdout) as {
    kinds: string[];
    examples: number;
    bodies: number;
    steps: number;
  };
  t.true(kinds.length >= 23, kinds.join(' '));
  t.true(examples >= 29 && bodies >= 14 && steps >= 7, stdout);
});
