import { readFile } from 'node:fs/promises';
import test from 'ava';
import { CODED_LIMITS } from '#tunnel/coded/limits.js';
import { STREAM_LIMITS } from '#tunnel/coded/streams/limits.js';
import { FORWARD_LIMITS } from '#tunnel/forward/limits.js';
import { TUNNEL_LIMITS } from '#tunnel/limits.js';

const kib = (bytes: number): string => `${bytes / 1_024} KiB`;
const mib = (bytes: number): string => `${bytes / 1_024 / 1_024} MiB`;

test('docs/tunnel.md tells the limits as they are', async (t) => {
  const page = await readFile(new URL('../../../docs/tunnel.md', import.meta.url), 'utf8');
  const { windowBytes, windowBytesMax, streams, unsentBytes } = STREAM_LIMITS;
  const silence = `${TUNNEL_LIMITS.silenceMs / 1_000} s`;
  for (const words of [
    `each stream has a window (${mib(windowBytes)}, growing to ${mib(windowBytesMax)}`,
    `| message | ${kib(TUNNEL_LIMITS.messageBytes)} |`,
    `| queue of a connection | ${mib(TUNNEL_LIMITS.queueBytes)};`,
    `| symbols on their way | ${CODED_LIMITS.windowSymbols.toLocaleString('en')} |`,
    `| streams opened by one end | ${streams} |`,
    `| unsent bytes of a stream | ${kib(unsentBytes)} |`,
    `| bytes kept for later rows | ${mib(CODED_LIMITS.knownBytes)} a connection`,
    `| forwarded connections of a gateway | ${FORWARD_LIMITS.connections};`,
    `a dead peer is known after ${silence}`,
    `(${silence} unless said`,
  ])
    t.true(page.includes(words), words);
});
