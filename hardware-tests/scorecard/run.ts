import { spawnSync } from 'node:child_process';
import { ROOT } from '../release/lockfile.js';

/** How one test ended, and what it said by `t.log`: its figures. */
export interface Ended {
  readonly title: string;
  readonly passed: boolean;
  readonly figures: readonly string[];
}

/** Runs one compiled test file by ava, and reads its TAP (testanything.org). */
export function runFile(file: string): readonly Ended[] {
  const config = file.endsWith('.long') ? ['--config', 'ava.long.config.js'] : [];
  const { stdout } = spawnSync('npx', ['ava', '--tap', ...config, `dist/${file}.test.js`], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return parseTap(stdout);
}

export function parseTap(text: string): readonly Ended[] {
  const ended: { title: string; passed: boolean; figures: string[] }[] = [];
  for (const line of text.split('\n')) {
    const [, not, title] = /^(not )?ok \d+ - (.*?)( # .*)?$/.exec(line) ?? [];
    if (title !== undefined) ended.push({ title, passed: not === undefined, figures: [] });
    const [, figure] = /^# {3}(\S.*)$/.exec(line) ?? [];
    if (figure !== undefined) ended.at(-1)?.figures.push(figure);
  }
  return ended;
}
