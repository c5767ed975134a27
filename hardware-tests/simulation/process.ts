import type { Clock, Timer } from '#protocol/clock.js';
import type { CloseReason, Connection, Priority, Transport } from '#tunnel/transport.js';

/** How long the connections of a dead process seem to live. */
const HALF_OPEN_MS = 1500;

/**
 * What a simulated process is made of: a clock that starts at zero, and connections. Killing it
 * stops both at once; whatever its code still does reaches nobody.
 */
export class SimulatedProcess {
  readonly clock: Clock;
  #timers = new Set<Timer>();
  #connections = new Set<Connection>();
  #dead = false;
  #world: Clock;

  constructor(world: Clock) {
    this.#world = world;
    const startMs = world.now();
    this.clock = {
      now: () => world.now() - startMs,
      wallTime: () => world.wallTime(),
      setTimer: (name, delayMs, fire) => {
        const timer = world.setTimer(name, this.#dead ? Infinity : delayMs, () => {
          this.#timers.delete(timer);
          if (!this.#dead) fire();
        });
        if (this.#dead) timer.cancel();
        else this.#timers.add(timer);
        return timer;
      },
    };
  }

  get dead(): boolean {
    return this.#dead;
  }

  kill(): void {
    this.#dead = true;
    for (const timer of this.#timers) timer.cancel();
    // What it sent is still on its way; the other end finds out some time later.
    this.#world.setTimer('half-open', HALF_OPEN_MS, () => {
      for (const connection of this.#connections)
        connection.close('lost', 'the process was killed');
    });
  }

  /** The connection as this process sees it. */
  own(connection: Connection): Connection {
    this.#connections.add(connection);
    return new OwnedConnection(connection, () => this.#dead);
  }

  transport(inner: Transport): Transport {
    return {
      name: inner.name,
      connect: async (options) => this.own(await inner.connect(options)),
    };
  }
}

class OwnedConnection implements Connection {
  #inner: Connection;
  #dead: () => boolean;

  constructor(inner: Connection, dead: () => boolean) {
    this.#inner = inner;
    this.#dead = dead;
  }

  get peer(): Connection['peer'] {
    return this.#inner.peer;
  }

  get transport(): string {
    return this.#inner.transport;
  }

  send(message: Uint8Array, priority: Priority): boolean {
    return this.#dead() || this.#inner.send(message, priority);
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#inner.onMessage((message) => {
      if (!this.#dead()) listener(message);
    });
  }

  onDrained(listener: () => void): void {
    this.#inner.onDrained(() => {
      if (!this.#dead()) listener();
    });
  }

  onClose(listener: (reason: CloseReason) => void): void {
    this.#inner.onClose((reason) => {
      if (!this.#dead()) listener(reason);
    });
  }

  close(...close: Parameters<Connection['close']>): void {
    if (!this.#dead()) this.#inner.close(...close);
  }

  stats(): ReturnType<Connection['stats']> {
    return this.#inner.stats();
  }
}
