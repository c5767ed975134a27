import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Random } from '#protocol/random.js';
import {
  certifiedHub,
  certifiedNode,
  readCertificate,
  type CertifiedName,
} from './certificates.js';
import { TUNNEL_LIMITS } from './limits.js';
import {
  memoryLink,
  type Carrier,
  type MemoryConnection,
  type MemoryLimits,
} from './memory-connection.js';
import type { ConnectOptions, Connection, Identity, Listener, Transport } from './transport.js';

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** One way; every message takes this long and up to `jitterMs` more, so later ones overtake. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  /** After so long an end notices that the link is cut. */
  readonly silenceMs?: number;
  readonly messageBytes?: number;
  readonly queueBytes?: number;
  readonly flightBytes?: number;
  /**
   * `names` (the default): an identity's `certificate` is the node's name, and everybody is
   * believed. `certificates`: PEM, judged as every transport judges them.
   */
  readonly identities?: 'names' | 'certificates';
  /** Every message is in its hands: weather, or a script. */
  readonly carry?: Carrier;
  /** False: the dial of this node times out, as it does while the network is cut. */
  readonly canDial?: (node: string) => boolean;
}

export interface MemoryListenOptions {
  /** `host:port`, as in the URL that finds it. */
  readonly address?: string;
  readonly identity: Identity;
  readonly clientAuthorities?: readonly string[];
}

/** The fake of the transport: a network in one process, moved by a Clock and shuffled by a seed. */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: MemoryLimits;
  readonly #judges: boolean;
  readonly #carry: Carrier | undefined;
  readonly #canDial: (node: string) => boolean;
  readonly #doors = new Map<string, Door>();
  readonly #links = new Set<MemoryLink>();
  #dialled = 0;
  /** While true nothing passes: dials time out, live connections are lost after `silenceMs`. */
  #cut = false;

  constructor(options: MemoryNetworkOptions) {
    const { clock, random, identities = 'names', carry, canDial, ...limits } = options;
    this.#clock = clock;
    this.#random = random;
    this.#judges = identities === 'certificates';
    this.#carry = carry;
    this.#canDial = canDial ?? (() => true);
    this.#limits = {
      latencyMs: 20,
      jitterMs: 0,
      silenceMs: TUNNEL_LIMITS.silenceMs,
      messageBytes: TUNNEL_LIMITS.messageBytes,
      queueBytes: TUNNEL_LIMITS.queueBytes,
      flightBytes: TUNNEL_LIMITS.flightBytes,
      ...limits,
    };
  }

  listen({ address = 'hub:443', identity, clientAuthorities = [] }: MemoryListenOptions): Listener {
    const door: Door = { identity, clientAuthorities, listener: undefined };
    this.#doors.set(address, door);
    return {
      address,
      onConnection: (listener) => (door.listener = listener),
      close: async () => {
        this.#doors.delete(address);
        for (const { ends } of this.#links)
          for (const end of ends) if (end.door === door) end.close('normal', 'the hub is stopping');
      },
    };
  }

  /** A gateway's way into this network. */
  transport(): Transport {
    return { name: 'memory', connect: (options) => this.#connect(options) };
  }

  /** Cuts every cable and leaves it cut until `mend`: messages on their way are gone. */
  cut(): void {
    this.#cut = true;
    for (const { ends } of this.#links) for (const end of ends) end.cut();
  }

  mend(): void {
    this.#cut = false;
  }

  /** The live connections of a node: what a partition cuts at one end only. */
  linksOf(node: string): readonly MemoryLink[] {
    return [...this.#links].filter(({ accepted }) => accepted.peer.name === node);
  }

  #connect({ url, identity, signal }: ConnectOptions): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const refuse = (error: EdgeError): void => {
        timer.cancel();
        reject(error);
      };
      const timeOut = (): void =>
        reject(new EdgeError('EDGE_TIMEOUT', `${url} did not answer in time.`));
      const aborted = (): void =>
        refuse(new EdgeError('EDGE_CONNECTION', 'Connecting was given up.', { remote: false }));
      const arrive = (): void => {
        signal?.removeEventListener('abort', aborted);
        if (this.#cut || !this.#canDial(identity.certificate)) {
          timer = this.#clock.setTimer('memory dial', TUNNEL_LIMITS.connectMs, timeOut);
          return;
        }
        try {
          resolve(this.#open(url, identity));
        } catch (thrown) {
          reject(EdgeError.from(thrown));
        }
      };
      let timer = this.#clock.setTimer('memory dial', 2 * this.#limits.latencyMs, arrive);
      if (signal?.aborted === true) aborted();
      else signal?.addEventListener('abort', aborted, { once: true });
    });
  }

  #open(url: string, identity: Identity): Connection {
    const { hostname, port } = new URL(url);
    const host = `${hostname}:${port === '' ? 443 : port}`;
    const door = this.#doors.get(host);
    if (door?.listener === undefined)
      throw new EdgeError('EDGE_CONNECTION', `Nobody listens at ${host}.`);
    const hub = this.#nameOf(hostname, () =>
      certifiedHub(
        readCertificate(door.identity.certificate),
        identity.authorities.map(readCertificate),
        hostname,
        this.#clock.wallTime(),
      ),
    );
    const node = this.#nameOf(identity.certificate, () =>
      certifiedNode(
        readCertificate(identity.certificate),
        door.clientAuthorities.map(readCertificate),
      ),
    );
    const dialled = ++this.#dialled;
    const link = memoryLink(
      { ...hub, address: host },
      { ...node, address: `memory:${dialled}` },
      door,
      { clock: this.#clock, random: this.#random, limits: this.#limits, carry: this.#carry },
    );
    this.#links.add(link);
    for (const end of link.ends) end.onGone(() => this.#links.delete(link));
    door.listener(link.accepted);
    return link.dialled;
  }

  #nameOf(name: string, judge: () => CertifiedName): CertifiedName {
    return this.#judges ? judge() : { name, fingerprint: `fingerprint of ${name}`, serial: '01' };
  }
}

export interface MemoryLink {
  /** The gateway's end and the hub's. */
  readonly dialled: MemoryConnection;
  readonly accepted: MemoryConnection;
  readonly ends: readonly MemoryConnection[];
}

interface Door {
  readonly identity: Identity;
  readonly clientAuthorities: readonly string[];
  listener: ((connection: Connection) => void) | undefined;
}
