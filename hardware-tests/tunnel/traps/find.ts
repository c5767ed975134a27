import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Trap } from './trap.js';

export interface Finding {
  readonly isFound: boolean;
  /** What ava printed. */
  readonly report: string;
}

/** Runs the trap's test with the trap planted, or without it (`planted` false). */
export async function findTrap({ name, file, title }: Trap, planted = true): Promise<Finding> {
  const plant = fileURLToPath(new URL('plant.js', import.meta.url));
  const cli = fileURLToPath(new URL('cli.mjs', import.meta.resolve('ava')));
  // The machine may be busy, and a planted mistake slow: the test around this one has its own limit.
  const patience = ['--timeout', '10m'];
  const only = ['--match', title.replaceAll(/[*!]/g, '*'), `dist/${file}`];
  const child = spawn(process.execPath, [cli, '--tap', ...patience, ...only], {
    cwd: fileURLToPath(new URL('../../../../', import.meta.url)),
    env: {
      ...process.env,
      EDGETWIN_TRAP: planted ? name : '',
      NODE_OPTIONS: `--import ${plant}`,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const report = await text(child.stdout);
  const ran = /^(not )?ok \d+ - /m.exec(report);
  return { isFound: ran?.[1] !== undefined, report };
}
