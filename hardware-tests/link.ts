import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP link that can be cut: in front of the hub, so that a gateway loses it without either
 * program being touched. While cut it swallows bytes both ways and answers nothing, as a dead
 * modem does; it does not close what is open.
 */
export class Link {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #cut = false;
  /** Bytes passed on to the target, and back, of all connections so far. */
  readonly bytes = { up: 0, down: 0 };

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Listens on `listen` (port 0: any) and forwards to `target`; both `host:port`. */
  static async open(listen: string, target: string): Promise<Link> {
    const server = createServer();
    const link = new Link(server);
    server.on('connection', (near) => {
      link.#join(near, target);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(portOf(listen), hostOf(listen), resolve);
    });
    return link;
  }

  get address(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the link is not open');
    return `${address.address}:${address.port}`;
  }

  /** Bytes stop in both directions until `heal`. */
  cut(): void {
    this.#cut = true;
  }

  /** What was open is reset, as after a change of network; new connections pass. */
  heal(): void {
    this.#cut = false;
    this.#reset();
  }

  async close(): Promise<void> {
    this.#reset();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
  }

  #join(near: Socket, target: string): void {
    const far = connect(portOf(target), hostOf(target));
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.on('data', (bytes) => {
        if (this.#cut) return;
        this.bytes[from === near ? 'up' : 'down'] += bytes.length;
        to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        this.#pairs.delete(pair);
        if (!this.#cut) to.destroy();
      });
    }
  }

  #reset(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'));
}

/** Below the range that the kernel takes for outgoing connections, which would steal a free one. */
const PORTS = { from: 10_240, to: 32_000 };

/** A port that was free a moment ago: for programs that must come back on the same one. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
