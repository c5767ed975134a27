import type { Clock } from '#protocol/clock.js';
import { millisecondsOf } from '#protocol/command-line/time-text.js';
import type { Arguments } from '#protocol/command-line/parse.js';
import { serve } from '#protocol/command-line/service.js';
import type { CommandHandler, Terminal } from '#protocol/command-line/terminal.js';
import { EdgeError } from '#protocol/errors.js';
import { jsonLog } from '#protocol/log.js';
import type { Log, LogLevel } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { readTrustedProxy, type ListenForNodes } from '#tunnel/transport.js';
import type { SuppliedFiles } from '../enrolment/supplied-certificate.js';
import type { Forwarder } from '../forwards/forward-desk.js';
import { HUB_LIMITS } from '../limits.js';
import { startHub } from '../hub.js';

/** What the composition root brings together. */
export interface HubParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly software: string;
  /** `udp`: gateways come in by UDP as well, on the same port number. */
  readonly listen: (log: Log, udp: UdpOptions | undefined) => ListenForNodes;
  readonly forwarder: () => Promise<Forwarder>;
}

export interface UdpOptions {
  /** Silence that a session outlives; absent: no longer than any silence. */
  readonly resumeMs?: number;
}

export function hubCommands(parts: HubParts): Readonly<Record<string, CommandHandler>> {
  return { run: (args, terminal) => run(parts, args, terminal) };
}

async function run(parts: HubParts, args: Arguments, terminal: Terminal): Promise<void> {
  const { clock } = parts;
  const log = jsonLog(
    (line) => terminal.err(line),
    () => clock.wallTime(),
    args.required('log-level') as LogLevel,
  );
  const options = {
    dataDir: args.required('data'),
    listen: args.required('listen'),
    api: args.required('api'),
    names: args.texts('name'),
    supplied: suppliedBy(args),
    lapsedMs: lapsedBy(args),
    trustedProxies: args.texts('trusted-proxy').map(readTrustedProxy),
  };
  const udp = args.on('udp') ? resumeOf(args.text('resume')) : undefined;
  const start = async () => {
    const hub = await startHub(options, {
      ...parts,
      listen: parts.listen(log, udp),
      log,
    });
    return { ready: { listen: hub.listenAddress, api: hub.apiUrl }, stop: () => hub.stop() };
  };
  await serve(start, { clock, log }, terminal, args.on('json'));
}

function suppliedBy(args: Arguments): SuppliedFiles | undefined {
  const [certificate, key] = [args.text('tls-cert'), args.text('tls-key')];
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  throw new EdgeError('EDGE_USAGE', '--tls-cert and --tls-key belong together');
}

function lapsedBy(args: Arguments): number {
  const text = args.required('lapsed');
  const ms = text === '0' ? 0 : millisecondsOf(text);
  if (ms <= LAPSED_MAX_MS) return ms;
  throw new EdgeError('EDGE_USAGE', `${text} is no time for --lapsed`, {
    hint: 'At most 3650d.',
  });
}

/** Milliseconds: a record of each certificate is kept for so long. */
const LAPSED_MAX_MS = 3_650 * 86_400_000;

function resumeOf(text: string | undefined): UdpOptions {
  if (text === undefined) return {};
  const ms = millisecondsOf(text);
  const { resumeMinMs, resumeMaxMs } = HUB_LIMITS;
  if (ms >= resumeMinMs && ms <= resumeMaxMs) return { resumeMs: ms };
  throw new EdgeError('EDGE_USAGE', `--resume ${text} is out of range`, {
    hint: `Write ${resumeMinMs / 1_000}s to ${resumeMaxMs / 1_000}s.`,
  });
}
