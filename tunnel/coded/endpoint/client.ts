import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { readHubUrl, type HubAddress } from '../../hub-address.js';
import type { ConnectOptions, Connection, Transport } from '../../transport.js';
import { Workbench } from '../codec/workbench.js';
import { Freight } from '../streams/freight.js';
import type { MakeTraffic } from '../session/traffic.js';
import { joinAddress, type DatagramPort } from './datagram-port.js';
import { Dialler } from './dialler.js';
import { OwnAddress } from './own-address.js';
import { ENDPOINT_LIMITS, type EndpointLimits } from './limits.js';
import { PathMemories } from './path-memories.js';
import type { SessionMaker } from './session-maker.js';
import { SwitchingPort } from './switching-port.js';
import { clientHandshake } from './tls-handshake.js';
import { connectUdp } from './udp-socket.js';

export interface CodedTransportOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<EndpointLimits>;
  readonly makeTraffic?: MakeTraffic;
  /** Another socket than UDP: a simulated one, one that can be cut. */
  readonly connectSocket?: (hub: string) => Promise<DatagramPort>;
  readonly bench?: Workbench;
}

/** Messages over network-coded datagrams under keys of mutual TLS 1.3. */
export function codedTransport(options: CodedTransportOptions): Transport {
  const { clock, random, limits, makeTraffic, connectSocket = connectUdp } = options;
  // Made with the first dial: its memory is of no use to a node that never uses this transport.
  let bench = options.bench;
  const memories = new PathMemories();
  return {
    name: 'coded',
    connect: (target) => {
      bench ??= new Workbench();
      const maker: SessionMaker = {
        clock,
        random,
        bench,
        memories,
        limits: { ...ENDPOINT_LIMITS, ...limits },
        makeTraffic: makeTraffic ?? ((role) => new Freight({ role })),
      };
      return connect(target, maker, connectSocket, options.log);
    },
  };
}

async function connect(
  { url, identity, signal, nowMs }: ConnectOptions,
  maker: SessionMaker,
  connectSocket: (hub: string) => Promise<DatagramPort>,
  log: Log,
): Promise<Connection> {
  const { clock, limits } = maker;
  const address = readHubUrl(url);
  const name = joinAddress(address.host, address.port);
  const open = clientHandshake(identity, address.host, nowMs ?? clock.wallTime());
  const given = new Abandonment(signal);
  const timer = clock.setTimer('tunnel connect', limits.connectMs, () =>
    given.up(new EdgeError('EDGE_TIMEOUT', `${name} did not answer in time.`)),
  );
  try {
    const hub = await given.race(resolve(address));
    const socket = await given.race(connectSocket(hub), (late) => void late.close());
    const port = new SwitchingPort(socket);
    const dialler = new Dialler(maker, { port, hub, open });
    const dial = dialler.dial();
    given.onUp((error) => dialler.fail(error));
    const connection = await dial;
    new OwnAddress({ port, connection, hub, connectSocket, limits, clock, log });
    log.debug('tunnel connected', { url, transport: 'coded', serial: connection.peer.serial });
    return connection;
  } finally {
    timer.cancel();
    given.over();
  }
}

async function resolve({ host, port }: HubAddress): Promise<string> {
  if (isIP(host) > 0) return joinAddress(host, port);
  try {
    return joinAddress((await lookup(host)).address, port);
  } catch (cause) {
    throw new EdgeError('EDGE_CONNECTION', `The hub’s name ${host} cannot be resolved.`, { cause });
  }
}

/** One way to give a dial up, whatever it waits for. */
class Abandonment {
  readonly #signal: AbortSignal | undefined;
  readonly #aborted = (): void =>
    this.up(new EdgeError('EDGE_CONNECTION', 'Connecting was given up.', { remote: false }));
  #error: EdgeError | undefined;
  #told: ((error: EdgeError) => void) | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (signal?.aborted === true) this.#aborted();
    else signal?.addEventListener('abort', this.#aborted, { once: true });
  }

  up(error: EdgeError): void {
    this.#error ??= error;
    this.#told?.(error);
  }

  onUp(told: (error: EdgeError) => void): void {
    this.#told = told;
    if (this.#error !== undefined) told(this.#error);
  }

  over(): void {
    this.#told = undefined;
    this.#signal?.removeEventListener('abort', this.#aborted);
  }

  /** `late`: what to do with a result that nobody waits for any more. */
  race<T>(work: Promise<T>, late?: (result: T) => void): Promise<T> {
    return new Promise((done, refuse) => {
      this.onUp(refuse);
      work.then((result) => {
        if (this.#error === undefined) done(result);
        else late?.(result);
      }, refuse);
    });
  }
}
