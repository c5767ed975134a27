import type { Clock, Timer } from '#protocol/clock.js';
import type { CloseReason, Connection, Priority, Transport } from '#tunnel/transport.js';

/** How long the connections of a dead process seem to live; what it sent arrives until then. */
export const HALF_OPEN_MS = 1000;

/**
 * What a simulated process is made of: a clock that starts at zero, and connections. Killing it
 * stops both at once; whatever its code still does reaches nobody.
 */
export class SimulatedProcess {
  readonly clock: Clock;
  readonly #timers = new Set<Timer>();
  readonly #connections = new Set<Connection>();
  readonly #world: Clock;
  /** Called before anything happens to the process. */
  readonly #touched: () => void;
  #dead = false;

  constructor(world: Clock, wallTime: () => number, touched: () => void = () => undefined) {
    this.#world = world;
    this.#touched = touched;
    const startMs = world.now();
    this.clock = {
      now: () => world.now() - startMs,
      wallTime,
      setTimer: (name, delayMs, fire) => this.#setTimer(name, delayMs, fire),
    };
  }

  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    // What it sent is still on its way; the other end finds out some time later.
    this.#world.setTimer('half-open', HALF_OPEN_MS, () => {
      for (const connection of this.#connections)
        connection.close('lost', 'the process was killed');
    });
  }

  /** The connection as this process sees it. */
  own(connection: Connection): Connection {
    if (this.#dead) connection.close('lost');
    this.#connections.add(connection);
    return new OwnedConnection(connection, {
      isDead: () => this.#dead,
      touched: this.#touched,
      closed: () => this.#connections.delete(connection),
    });
  }

  transport(inner: Transport): Transport {
    return {
      name: inner.name,
      connect: async (options) => this.own(await inner.connect(options)),
    };
  }

  #setTimer(name: string, delayMs: number, fire: () => void): Timer {
    if (this.#dead) return { cancel: () => undefined };
    const timer = this.#world.setTimer(name, delayMs, () => {
      this.#timers.delete(own);
      this.#touched();
      fire();
    });
    const own: Timer = {
      cancel: () => {
        this.#timers.delete(own);
        timer.cancel();
      },
    };
    this.#timers.add(own);
    return own;
  }
}

interface Owner {
  readonly isDead: () => boolean;
  readonly touched: () => void;
  readonly closed: () => void;
}

class OwnedConnection implements Connection {
  readonly #inner: Connection;
  readonly #owner: Owner;

  constructor(inner: Connection, owner: Owner) {
    this.#inner = inner;
    this.#owner = owner;
  }

  get peer(): Connection['peer'] {
    return this.#inner.peer;
  }

  get transport(): string {
    return this.#inner.transport;
  }

  send(message: Uint8Array, priority: Priority): boolean {
    return this.#owner.isDead() || this.#inner.send(message, priority);
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#inner.onMessage((message) => this.#tell(() => listener(message)));
  }

  onDrained(listener: () => void): void {
    this.#inner.onDrained(() => this.#tell(listener));
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#inner.onClose((reason) => {
      this.#owner.closed();
      this.#tell(() => listener(reason));
    });
  }

  close(...close: Parameters<Connection['close']>): void {
    if (!this.#owner.isDead()) this.#inner.close(...close);
  }

  stats(): ReturnType<Connection['stats']> {
    return this.#inner.stats();
  }

  #tell(act: () => void): void {
    if (this.#owner.isDead()) return;
    this.#owner.touched();
    act();
  }
}
