import { EdgeError } from '#protocol/errors.js';
import type {
  CloseCode,
  Connection,
  DoorStats,
  Identity,
  NodeListener,
  Peer,
} from './transport.js';

/**
 * Two doors of one hub as one: gateways come in by either, all else is done to both. `main` has
 * the address that is told to people and carries HTTP.
 */
export class DoubleDoor implements NodeListener {
  readonly #main: NodeListener;
  readonly #side: NodeListener;

  constructor(main: NodeListener, side: NodeListener) {
    this.#main = main;
    this.#side = side;
  }

  get address(): string {
    return this.#main.address;
  }

  onConnection(listener: (connection: Connection) => void): void {
    this.#main.onConnection(listener);
    this.#side.onConnection(listener);
  }

  setIdentity(identity: Pick<Identity, 'key' | 'certificate'>): void {
    this.#main.setIdentity(identity);
    this.#side.setIdentity(identity);
  }

  setAuthorities(clientAuthorities: readonly string[]): void {
    this.#main.setAuthorities(clientAuthorities);
    this.#side.setAuthorities(clientAuthorities);
  }

  closePeers(predicate: (peer: Peer) => boolean, code: CloseCode, detail?: string): number {
    return (
      this.#main.closePeers(predicate, code, detail) +
      this.#side.closePeers(predicate, code, detail)
    );
  }

  doors(): readonly DoorStats[] {
    return [this.#main, this.#side].flatMap((door) => door.doors?.() ?? []);
  }

  async close(): Promise<void> {
    await Promise.all([this.#main.close(), this.#side.close()]);
  }
}

/** Opens `side` on the port that `main` got. When it cannot, `main` is closed again. */
export async function openBoth(
  main: Promise<NodeListener>,
  side: (port: number) => Promise<NodeListener>,
): Promise<NodeListener> {
  const opened = await main;
  try {
    const port = Number(opened.address.slice(opened.address.lastIndexOf(':') + 1));
    return new DoubleDoor(opened, await side(port));
  } catch (thrown) {
    await opened.close();
    throw EdgeError.from(thrown);
  }
}
