import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { flagsOf } from '#hardware-tests/bundle.js';
import { EDGETWIN, EDGETWIN_HUB } from '#hardware-tests/programs.js';
import { hasTools } from '#hardware-tests/tools.js';
import { unitPath } from '#hardware-tests/e2e/units.js';

/** Highest exposure by `systemd-analyze security`, 0 to 10. */
for (const [unit, exposureMax] of [
  ['edgetwin.service', 1.7],
  ['edgetwin-hub.service', 1.3],
  ['edgetwin-prepared.service', 1.7],
] as const) {
  test(`${unit} exposes at most ${exposureMax} of 10 and verifies clean`, (t) => {
    if (!hasTools(t, 'systemd-analyze')) return;
    const folder = mkdtempSync(join(tmpdir(), 'edgetwin-unit-'));
    t.teardown(() => {
      rmSync(folder, { recursive: true });
    });

    const security = analyze('security', '--offline=true', unitPath(unit));
    const [, exposure = ''] = /exposure level for \S+: ([\d.]+)/.exec(security.output) ?? [];
    t.not(exposure, '', security.output);
    t.log(`${unit}: ${exposure}`);
    t.true(Number(exposure) <= exposureMax, security.output);

    // The program is not installed here; everything else stands as it is.
    const copy = join(folder, unit);
    const text = readFileSync(unitPath(unit), 'utf8');
    const ours = /^ExecStart=\/usr\/local\/bin\/\S+/m;
    writeFileSync(copy, text.replace(ours, `ExecStart=${process.execPath}`));
    t.deepEqual(analyze('verify', copy), { status: 0, output: '' });
  });
}

test('both programs run without code made of text and without __proto__, by their first line', (t) => {
  for (const program of [EDGETWIN, EDGETWIN_HUB])
    for (const flag of ['--disable-proto=delete', '--disallow-code-generation-from-strings'])
      t.true(flagsOf(program).includes(flag), `${program} ${flag}`);
});

function analyze(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}
