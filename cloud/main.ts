#!/usr/bin/env -S node --disable-proto=delete --disallow-code-generation-from-strings
import { readFileSync } from 'node:fs';
import { systemClock } from '#protocol/clock.js';
import { commandName } from '#protocol/command-line/command.js';
import type { Command } from '#protocol/command-line/command.js';
import { runProcess } from '#protocol/command-line/process.js';
import type { CommandHandler } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { jsonLog } from '#protocol/log.js';
import { systemRandom } from '#protocol/random.js';
import { EDGETWIN_HUB } from './cli/commands.js';

const log = jsonLog(
  (line) => void process.stderr.write(line),
  () => systemClock.wallTime(),
);

await runProcess(process, EDGETWIN_HUB, { version, dispatch, log });

/** Each command loads only what it needs. */
async function dispatch(command: Command): Promise<CommandHandler> {
  const name = commandName(command);
  const handlers = name === 'run' ? await wholeHub() : (await import('./cli/verbs.js')).VERBS;
  const handler = handlers[name];
  if (handler === undefined) throw new EdgeError('EDGE_INTERNAL', `${name} has no handler`);
  return handler;
}

async function wholeHub(): Promise<Readonly<Record<string, CommandHandler>>> {
  const { hubCommands } = await import('./cli/run.js');
  const { listenWebsocket } = await import('#tunnel/websocket/listener.js');
  return hubCommands({
    clock: systemClock,
    random: systemRandom,
    software: `edgetwin-hub ${version()}`,
    forwarder: async () => ({
      ...(await import('#tunnel/forward/forward-entry.js')),
      ...(await import('#tunnel/forward/dial.js')),
    }),
    listen: (ownLog, udp) => async (options) => {
      const ports = { clock: systemClock, random: systemRandom, log: ownLog };
      const websocket = listenWebsocket({ ...options, ...ports });
      if (udp === undefined) return websocket;
      const { listenCoded } = await import('#tunnel/coded/endpoint/listener.js');
      const { openBoth } = await import('#tunnel/double-door.js');
      const { host } = options.listen;
      return openBoth(websocket, (port) =>
        listenCoded({ ...options, ...ports, listen: { host, port }, limits: udp }),
      );
    },
  });
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
