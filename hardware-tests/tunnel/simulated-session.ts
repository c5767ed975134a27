import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { Workbench } from '#tunnel/coded/codec/workbench.js';
import { Acceptor } from '#tunnel/coded/endpoint/acceptor.js';
import type { CodedConnection } from '#tunnel/coded/endpoint/coded-connection.js';
import { Dialler } from '#tunnel/coded/endpoint/dialler.js';
import { DOOR_LIMITS, type DoorLimits } from '#tunnel/coded/endpoint/limits.js';
import { PathMemories } from '#tunnel/coded/endpoint/path-memories.js';
import { Freight } from '#tunnel/coded/streams/freight.js';
import type { MakeTraffic } from '#tunnel/coded/session/traffic.js';
import type { CloseReason } from '#tunnel/transport.js';
import { fakeHandshake } from './fake-handshake.js';
import { SimulatedLink, type Link, type LinkOptions } from './simulated-link.js';
import { SimulatedNetwork, type SimulatedPort } from './simulated-network.js';

export const HUB = '10.0.0.1:443';

export interface SessionSimulation {
  readonly seed: number;
  readonly up: LinkOptions | Link;
  readonly down: LinkOptions | Link;
  readonly limits?: Partial<DoorLimits>;
  readonly makeTraffic?: MakeTraffic;
  /** One for many simulations: its memory is never given back. */
  readonly bench?: Workbench;
  /** Time stands still while a program works, unless given. */
  readonly clock?: ManualClock;
}

/** One end of a session with all that it was told. */
export interface SimulatedEnd {
  readonly connection: CodedConnection;
  readonly messages: { readonly bytes: Uint8Array; readonly at: number }[];
  readonly reasons: CloseReason[];
}

/** A hub and its nodes in simulated time: whole endpoints, only TLS and the sockets are fakes. */
export class SimulatedTunnel {
  readonly clock: ManualClock;
  readonly network: SimulatedNetwork;
  readonly accepted: SimulatedEnd[] = [];
  readonly hubPort: SimulatedPort;
  acceptor: Acceptor;
  readonly #options: SessionSimulation;
  readonly #bench: Workbench;
  readonly #memories = new PathMemories();
  readonly #up: Link;
  readonly #down: Link;
  #dials = 0;

  constructor(options: SessionSimulation) {
    const { up, down, seed } = options;
    this.#options = options;
    this.clock = options.clock ?? new ManualClock();
    this.network = new SimulatedNetwork(this.clock);
    this.#bench = options.bench ?? new Workbench();
    this.#up = 'send' in up ? up : new SimulatedLink(up, seed * 2);
    this.#down = 'send' in down ? down : new SimulatedLink(down, seed * 2 + 1);
    this.hubPort = this.network.port(HUB, () => this.#down);
    this.acceptor = this.openHub();
  }

  /** A hub at the same address that remembers nothing but its secret for resets. */
  openHub(): Acceptor {
    this.acceptor = new Acceptor({
      ...this.#maker(7),
      port: this.hubPort,
      log: silentLog,
      open: () => fakeHandshake('server', 'hub'),
      resetSecret: new Uint8Array(32),
      onConnection: (connection) => this.accepted.push(this.#endOf(connection)),
    });
    return this.acceptor;
  }

  /** A node's dial; resolves in simulated time. */
  dial(name = 'node', address = `10.0.1.${++this.#dials}:5000`): Dial {
    const port = this.network.port(address, () => this.#up);
    const dialler = new Dialler(this.#maker(100 + this.#dials), {
      port,
      hub: HUB,
      open: fakeHandshake('client', name),
    });
    const startedAt = this.clock.now();
    const dial: Dial = {
      port,
      startedAt,
      connectedAt: undefined,
      end: undefined,
      error: undefined,
    };
    dialler.dial().then(
      (connection) => {
        dial.connectedAt = this.clock.now();
        dial.end = this.#endOf(connection);
      },
      (error: unknown) => (dial.error = EdgeError.from(error)),
    );
    return dial;
  }

  /** Moves time, letting promises run between events, until `condition` holds or time is up. */
  async run(untilMs: number, condition: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      await Promise.resolve();
      await Promise.resolve();
      if (condition()) return true;
      const next = this.clock.nextAtMs();
      if (next === undefined || next > untilMs) break;
      this.clock.fireNext();
    }
    this.clock.advance(Math.max(0, untilMs - this.clock.now()));
    return condition();
  }

  /** A node and its session at both ends. */
  async connect(name = 'node'): Promise<{ node: SimulatedEnd; hub: SimulatedEnd; dial: Dial }> {
    const dial = this.dial(name);
    await this.run(
      this.clock.now() + 30_000,
      () => dial.end !== undefined && this.accepted.length > 0,
    );
    const hub = this.accepted.at(-1);
    if (dial.end === undefined || hub === undefined)
      throw new EdgeError('EDGE_TIMEOUT', `seed ${this.#options.seed}: no session.`);
    return { node: dial.end, hub, dial };
  }

  #maker(salt: number): {
    clock: ManualClock;
    random: ReturnType<typeof seededRandom>;
    bench: Workbench;
    limits: DoorLimits;
    makeTraffic: MakeTraffic;
    memories: PathMemories;
  } {
    return {
      memories: this.#memories,
      clock: this.clock,
      random: seededRandom(this.#options.seed * 1_000 + salt),
      bench: this.#bench,
      limits: { ...DOOR_LIMITS, ...this.#options.limits },
      makeTraffic: this.#options.makeTraffic ?? ((role) => new Freight({ role })),
    };
  }

  #endOf(connection: CodedConnection): SimulatedEnd {
    const end: SimulatedEnd = { connection, messages: [], reasons: [] };
    connection.onMessage((bytes) => end.messages.push({ bytes, at: this.clock.now() }));
    connection.onClose((reason) => end.reasons.push(reason));
    return end;
  }
}

export interface Dial {
  readonly port: SimulatedPort;
  readonly startedAt: number;
  connectedAt: number | undefined;
  end: SimulatedEnd | undefined;
  error: EdgeError | undefined;
}
