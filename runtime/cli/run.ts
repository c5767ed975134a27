import type { Clock } from '#protocol/clock.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import { serve } from '#protocol/command-line/service.js';
import type { Service } from '#protocol/command-line/service.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { jsonLog } from '#protocol/log.js';
import type { Log } from '#protocol/log.js';
import type { MapperModule } from '#protocol/mapper-port.js';
import type { Random } from '#protocol/random.js';
import { formatIssues } from '#protocol/config-issue.js';
import type { TemplateLibrary } from '../config/device-files.js';
import { judgeBy } from '../config/judge-device.js';
import { LastGood } from '../config/last-good.js';
import { CONFIG_LIMITS } from '../config/limits.js';
import { loadConfig } from '../config/load.js';
import type { GatewayConfig } from '../config/load.js';
import type { FirstStart } from '../edgehub/prepared.js';
import { startGateway } from '../runtime.js';
import type { Link } from '../runtime.js';
import { configFile } from './gateway-file.js';

/** What the composition root brings together. */
export interface GatewayParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly software: string;
  readonly loadMapper: (protocolName: string) => Promise<MapperModule | undefined>;
  readonly templates: TemplateLibrary;
  readonly link: (log: Log, config: LinkConfig) => Promise<Link>;
}

/** What the way to the hub is made of. */
export type LinkConfig = Pick<GatewayConfig, 'transport' | 'forward' | 'resumeMs'>;

/** Where a prepared configuration goes when no other place is named. */
const PLACE = '/etc/edgetwin/gateway.yaml';

/** `run` and `check`: the commands that read the whole configuration. */
export function gatewayCommands(parts: GatewayParts): Readonly<Record<string, CommandHandler>> {
  return {
    run: (args, terminal) => run(parts, args, terminal),
    check: (args, terminal) => check(parts, args, terminal),
  };
}

async function run(parts: GatewayParts, args: Arguments, terminal: Terminal): Promise<void> {
  const { clock, random, software, loadMapper } = parts;
  const path = args.text('prepared');
  const place = args.text('config') ?? PLACE;
  const firstStart = path === undefined ? undefined : await prepare(path, place, random);
  const load = async (): Promise<GatewayConfig> =>
    loadConfig(await configFile(args), judgeBy(loadMapper), parts.templates);
  const keptIn = args.text('last-good');
  const lastGood = keptIn === undefined ? undefined : await LastGood.open(keptIn, software, random);
  const config = (await lastGood?.choose(load)) ?? (await load());
  const log = jsonLog(
    (line) => terminal.err(line),
    () => clock.wallTime(),
    config.log.level,
  );
  for (const issue of config.warnings) log.warn('config', { ...issue });
  const startBy = async (chosen: GatewayConfig): Promise<Service> => {
    if (chosen.fallback !== undefined)
      log.error('last-good-configuration', { reason: chosen.fallback });
    const link = (): Promise<Link> => parts.link(log, chosen);
    const ports = { clock, random, log, software, loadMapper, link };
    const { node, dataDir } = chosen;
    const first = firstStart?.({ node, dataDir, clock, random, log });
    // Before the gateway looks who it is; without the hub it is tried again beside it.
    await first?.run();
    const gateway = await startGateway(chosen, ports);
    const proven = clock.setTimer('configuration-proven', CONFIG_LIMITS.provenMs, () => {
      lastGood?.keep(chosen).catch((thrown: unknown) => {
        log.warn('configuration-not-kept', { error: EdgeError.from(thrown) });
      });
    });
    const stop = (): Promise<void> => {
      proven.cancel();
      first?.stop();
      return gateway.stop();
    };
    return { ready: gateway.addresses, stop };
  };
  const start = (): Promise<Service> =>
    startBy(config).catch((thrown: unknown) => {
      if (lastGood === undefined || config.fallback !== undefined) throw thrown;
      return startBy(lastGood.insteadOf(thrown));
    });
  await serve(start, { clock, log }, terminal, args.on('json'));
}

type FirstStartOptions = ConstructorParameters<typeof FirstStart>[0];

/**
 * Reads the file of a boot partition and puts its configuration in place. What joins at the first
 * start; undefined when there is no such file. Only who names one loads what joining takes.
 */
async function prepare(
  path: string,
  place: string,
  random: Random,
): Promise<((ports: Omit<FirstStartOptions, 'path' | 'prepared'>) => FirstStart) | undefined> {
  const { FirstStart, placeConfig, readPrepared } = await import('../edgehub/prepared.js');
  const prepared = await readPrepared(path);
  if (prepared === undefined) return undefined;
  await placeConfig(prepared, place, random);
  return (ports) => new FirstStart({ ...ports, path, prepared });
}

async function check(parts: GatewayParts, args: Arguments, terminal: Terminal): Promise<void> {
  const file = await configFile(args);
  const { node, devices, warnings } = await loadConfig(
    file,
    judgeBy(parts.loadMapper),
    parts.templates,
  );
  if (args.on('json')) {
    terminal.out(`${JSON.stringify({ node, devices: devices.map(({ id }) => id), warnings })}\n`);
    return;
  }
  if (warnings.length > 0) terminal.err(`${formatIssues(warnings)}\n`);
  terminal.out(`${file} is sound: node ${node}, ${devices.length} devices\n`);
}
