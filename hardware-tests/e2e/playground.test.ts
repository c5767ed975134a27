import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { processesWith } from './left-behind.js';

const PLAYGROUND = fileURLToPath(new URL('../playground/main.js', import.meta.url));

interface Line {
  readonly device: string;
  readonly property: string;
  readonly reported: unknown;
  readonly quality: string | null;
  readonly desired: unknown;
  readonly state: string;
}

test('the playground shows a meter’s values move and a desired value arrive, and stops clean', async (t) => {
  const marker = `playground-${process.pid}`;
  const child = spawn(process.execPath, [PLAYGROUND, '--for', '15', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, EDGETWIN_TEST_MARKER: marker },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  t.is(code, 0, stderr);

  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const of = (property: string): Line[] => lines.filter((line) => line.property === property);
  const voltages = new Set(of('voltage').map(({ reported }) => reported));
  t.true(voltages.size > 3, 'the voltage changes');
  t.true(of('voltage').some(({ quality, state }) => quality === 'good' && state === 'in-sync'));
  t.true(
    of('setpoint').some(
      ({ desired, reported, state }) =>
        desired !== null && desired === reported && state === 'in-sync',
    ),
    'a desired value was written and read back',
  );
  t.deepEqual(processesWith(marker), [], 'no process is left behind');
});
