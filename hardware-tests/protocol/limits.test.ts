import { readFileSync } from 'node:fs';
import test from 'ava';
import { HUB_COMMAND_LIMITS } from '#cloud/commands/limits.js';
import { HUB_HISTORY_LIMITS } from '#cloud/history/limits.js';
import { HUB_LIMITS } from '#cloud/limits.js';
import { LIMITS } from '#protocol/limits.js';
import { COMMAND_LIMITS } from '#runtime/commands/limits.js';
import { HISTORY_LIMITS } from '#runtime/history/limits.js';
import { GATEWAY_LIMITS } from '#runtime/limits.js';
import { TUNNEL_LIMITS } from '#tunnel/limits.js';
import { toWire } from '#tunnel/websocket/close-codes.js';
import { TUNNEL_PATH } from '#tunnel/websocket/secure-socket.js';

const README = readFileSync(new URL('../../../protocol/README.md', import.meta.url), 'utf8');

const OWNERS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  protocol: LIMITS,
  tunnel: TUNNEL_LIMITS,
  gateway: GATEWAY_LIMITS,
  hub: HUB_LIMITS,
  'gateway samples': HISTORY_LIMITS,
  'hub samples': HUB_HISTORY_LIMITS,
  'gateway commands': COMMAND_LIMITS,
  'hub commands': HUB_COMMAND_LIMITS,
};

test('each limit that the protocol names is the constant of the program', (t) => {
  const table = README.slice(README.indexOf('## 12. Limits'));
  const rows = [...table.matchAll(/^\| (\w+) \| ([a-z ]+) \| (\d+) \| .+ \|$/gm)];
  t.true(rows.length >= 55);
  for (const [, name = '', owner = '', value] of rows)
    t.is(OWNERS[owner]?.[name], Number(value), `${name} of ${owner}`);
});

test('the close codes and the path of the protocol are those of the program', (t) => {
  for (const code of ['normal', 'protocol', 'superseded', 'unauthorized', 'slow'] as const)
    t.true(README.includes(`\n| \`${code}\` | ${toWire(code)} |`), code);
  t.true(README.includes(`\`${TUNNEL_PATH}\``));
});
