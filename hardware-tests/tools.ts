import { spawnSync } from 'node:child_process';
import type { ExecutionContext } from 'ava';

/** True when every tool is on this machine; otherwise the test passes with a line that names it. */
export function hasTools(t: ExecutionContext, ...tools: readonly string[]): boolean {
  const missing = tools.filter((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing.length === 0) return true;
  t.log(`skipped: needs ${missing.join(', ')}`);
  t.pass();
  return false;
}
