import { createHmac, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { Random } from '#protocol/random.js';
import { readCertificate } from '../../certificates.js';
import type {
  CloseCode,
  Connection,
  DoorStats,
  Identity,
  ListenOptions,
  NodeListener,
  Peer,
} from '../../transport.js';
import { Workbench } from '../codec/workbench.js';
import { Freight } from '../streams/freight.js';
import type { MakeTraffic } from '../session/traffic.js';
import { Acceptor, type AcceptorStats } from './acceptor.js';
import type { DatagramPort } from './datagram-port.js';
import { DOOR_LIMITS, type DoorLimits } from './limits.js';
import { PathMemories } from './path-memories.js';
import { serverHandshake } from './tls-handshake.js';
import { bindUdp } from './udp-socket.js';

export interface CodedListenOptions extends Omit<ListenOptions, 'onRequest'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: Partial<DoorLimits>;
  readonly makeTraffic?: MakeTraffic;
  /** Another socket than UDP: a simulated one, one that can be cut. */
  readonly bind?: (host: string, port: number) => Promise<DatagramPort>;
  /** Shared with others of this process. */
  readonly bench?: Workbench;
}

export interface CodedListener extends NodeListener {
  stats(): AcceptorStats & { readonly receiveBufferBytes: number | undefined };
}

/** Opens the hub's UDP door. Rejects with EDGE_CONNECTION when the port is taken, EDGE_CERTIFICATE. */
export async function listenCoded(options: CodedListenOptions): Promise<CodedListener> {
  checkIdentity(options.identity);
  const { host, port } = options.listen;
  const socket = await (options.bind ?? bindUdp)(host, port);
  return new UdpListener(options, socket);
}

class UdpListener implements CodedListener {
  readonly address: string;
  readonly #port: DatagramPort;
  readonly #acceptor: Acceptor;
  #identity: Pick<Identity, 'key' | 'certificate'>;
  #authorityPems: readonly string[];
  #authorities: readonly X509Certificate[];
  #listener: ((connection: Connection) => void) | undefined;

  constructor(options: CodedListenOptions, port: DatagramPort) {
    const { clock, random, log, admit, identity, clientAuthorities } = options;
    this.address = port.address;
    this.#port = port;
    this.#identity = identity;
    this.#authorityPems = clientAuthorities;
    this.#authorities = clientAuthorities.map(readCertificate);
    this.#acceptor = new Acceptor({
      clock,
      random,
      log,
      port,
      admit,
      bench: options.bench ?? new Workbench(),
      memories: new PathMemories(),
      limits: { ...DOOR_LIMITS, ...options.limits },
      makeTraffic: options.makeTraffic ?? ((role) => new Freight({ role })),
      open: () => serverHandshake(this.#identity, this.#authorityPems, this.#authorities),
      resetSecret: resetSecretOf(identity.key),
      onConnection: (connection) => {
        if (this.#listener === undefined) connection.close('normal', 'nobody listens');
        else this.#listener(connection);
      },
    });
  }

  onConnection(listener: (connection: Connection) => void): void {
    this.#listener = listener;
  }

  setIdentity(identity: Pick<Identity, 'key' | 'certificate'>): void {
    checkIdentity(identity);
    this.#identity = identity;
  }

  setAuthorities(clientAuthorities: readonly string[]): void {
    this.#authorities = clientAuthorities.map(readCertificate);
    this.#authorityPems = clientAuthorities;
  }

  closePeers(predicate: (peer: Peer) => boolean, code: CloseCode, detail?: string): number {
    return this.#acceptor.closePeers(predicate, code, detail);
  }

  stats(): AcceptorStats & { readonly receiveBufferBytes: number | undefined } {
    return { ...this.#acceptor.stats(), receiveBufferBytes: this.#port.receiveBufferBytes };
  }

  doors(): readonly DoorStats[] {
    const { connections, handshakes, traffic, receiveBufferBytes, ...counts } = this.stats();
    const { accepted, unreadable, unknown, foreign, retried, refused } = counts;
    return [
      {
        transport: 'coded',
        ...{ connections, handshakes, traffic },
        events: {
          accepted,
          'refused-unauthenticated': refused.unauthenticated,
          'refused-forbidden': refused.forbidden,
          'refused-full': refused.full,
          'handshake-failed': counts.failedHandshakes,
          'handshake-dropped': counts.droppedHandshakes,
          'address-asked': retried,
          'datagram-unreadable': unreadable,
          'datagram-unknown': unknown,
          'datagram-foreign': foreign,
        },
        ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
      },
    ];
  }

  async close(): Promise<void> {
    await this.#acceptor.close();
    await this.#port.close();
  }
}

/** The same after a restart, with nothing kept but the key that is kept anyway. */
function resetSecretOf(key: string): Uint8Array {
  return createHmac('sha256', key).update('edgetwin tunnel reset').digest();
}

function checkIdentity({ key, certificate }: Pick<Identity, 'key' | 'certificate'>): void {
  try {
    createSecureContext({ key, cert: certificate });
  } catch (cause) {
    throw new EdgeError('EDGE_CERTIFICATE', 'The hub’s key or certificate cannot be used.', {
      cause,
      remote: false,
    });
  }
}
