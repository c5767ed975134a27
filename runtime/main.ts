#!/usr/bin/env -S node --max-semi-space-size=1 --optimize-for-size --v8-pool-size=0 --interrupt-budget=1300000 --disable-proto=delete --disallow-code-generation-from-strings
import { readFileSync } from 'node:fs';
import { systemClock } from '#protocol/clock.js';
import { commandName } from '#protocol/command-line/command.js';
import type { Command } from '#protocol/command-line/command.js';
import { runProcess } from '#protocol/command-line/process.js';
import type { CommandHandler } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { jsonLog } from '#protocol/log.js';
import type { Log } from '#protocol/log.js';
import type { MapperModule } from '#protocol/mapper-port.js';
import { systemRandom } from '#protocol/random.js';
import type { Transport } from '#tunnel/transport.js';
import { EDGETWIN } from './cli/commands.js';
import type { LinkConfig } from './cli/run.js';
import type { TemplateLibrary } from './config/device-files.js';
import type { Link } from './runtime.js';

const log = jsonLog(
  (line) => void process.stderr.write(line),
  () => systemClock.wallTime(),
);

/** Loaded with the first device that needs them. */
const TEMPLATES: TemplateLibrary = {
  names: async () => (await import('#mappers/templates/library.js')).templateNames(),
  load: async (name) => (await import('#mappers/templates/library.js')).loadTemplate(name),
};

await runProcess(process, EDGETWIN, { version, dispatch, log });

/** Each command loads only what it needs: `status` is asked often and should answer at once. */
async function dispatch(command: Command): Promise<CommandHandler> {
  const name = commandName(command);
  const handlers =
    name === 'run' || name === 'check'
      ? await wholeGateway()
      : name.startsWith('mapper ')
        ? await mapperTools()
        : (await import('./cli/verbs.js')).VERBS;
  const handler = handlers[name];
  if (handler === undefined) throw new EdgeError('EDGE_INTERNAL', `${name} has no handler`);
  return handler;
}

async function mapperTools(): Promise<Readonly<Record<string, CommandHandler>>> {
  const { mapperVerbs } = await import('#mappers/tools/verbs.js');
  const { namedDevices } = await import('./cli/named-devices.js');
  const devices = namedDevices(loadMapper, TEMPLATES);
  return mapperVerbs({ clock: systemClock, random: systemRandom, devices });
}

async function wholeGateway(): Promise<Readonly<Record<string, CommandHandler>>> {
  const { gatewayCommands } = await import('./cli/run.js');
  return gatewayCommands({
    clock: systemClock,
    random: systemRandom,
    software: `edgetwin ${version()}`,
    loadMapper,
    templates: TEMPLATES,
    link,
  });
}

/** The way to the hub, and what the hub may reach through it. */
async function link(ownLog: Log, config: LinkConfig): Promise<Link> {
  const transport = await transportOf(ownLog, config);
  const { forward } = config;
  if (forward.length === 0) return { transport };
  const { ForwardExit } = await import('#tunnel/forward/forward-exit.js');
  const { forwardingTransport } = await import('#tunnel/forward/forwarding-transport.js');
  const { readTarget } = await import('#tunnel/forward/target.js');
  const allowed = forward.map(readTarget);
  const exit = new ForwardExit({ allowed, clock: systemClock, log: ownLog.child('forward') });
  return { transport: forwardingTransport(transport, exit), forwards: () => exit.status() };
}

async function transportOf(
  ownLog: Log,
  { transport: choice, resumeMs }: LinkConfig,
): Promise<Transport> {
  const ports = { clock: systemClock, random: systemRandom, log: ownLog };
  const websocket = async (): Promise<Transport> =>
    (await import('#tunnel/websocket/client.js')).websocketTransport(ports);
  if (choice === 'websocket') return websocket();
  const { codedTransport } = await import('#tunnel/coded/endpoint/client.js');
  const coded = codedTransport({ ...ports, limits: resumeMs === undefined ? {} : { resumeMs } });
  if (choice === 'coded') return coded;
  const { racingTransport } = await import('#tunnel/race.js');
  return racingTransport({ ...ports, first: coded, second: await websocket() });
}

async function loadMapper(protocolName: string): Promise<MapperModule | undefined> {
  return (await import('#mappers/registry.js')).loadMapper(protocolName);
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
