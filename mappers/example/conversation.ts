import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Link } from '../link.js';
import { tcpLink, type TcpSettings } from '../tcp-link.js';

/** Characters of a line; what is longer is no answer. */
const LINE_MAX = 256;

/** Questions and answers over one connection, one at a time; each question that needs one makes it. */
export class Conversation {
  readonly #settings: TcpSettings;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  #link: Link | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #fail: (cause: EdgeError) => void = () => undefined;

  constructor(settings: TcpSettings, timeoutMs: number, clock: Clock) {
    this.#settings = settings;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** The line that was answered; rejects with EDGE_DEVICE_TIMEOUT or EDGE_DEVICE_CLOSED. */
  ask(question: string, notAfterMs = Infinity): Promise<string> {
    const turn = this.#turn.then(() => this.#ask(question, notAfterMs));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async close(): Promise<void> {
    this.#stopped = true;
    this.#fail(new EdgeError('EDGE_DEVICE_CLOSED', 'the mapper was stopped'));
    await this.#turn;
    await this.#link?.close();
  }

  async #ask(question: string, notAfterMs: number): Promise<string> {
    if (this.#stopped) throw new EdgeError('EDGE_DEVICE_CLOSED', 'the mapper was stopped');
    if (this.#clock.now() > notAfterMs)
      throw new EdgeError('EDGE_EXPIRED', 'its time was over before it could be sent');
    let text = '';
    const answer = new Promise<string>((resolve, reject) => {
      this.#fail = reject;
      this.#received = (bytes) => {
        text += Buffer.from(bytes).toString('latin1');
        const end = text.indexOf('\n');
        if (end >= 0) resolve(text.slice(0, end));
        else if (text.length > LINE_MAX)
          reject(new EdgeError('EDGE_DEVICE_FRAME', 'the line does not end'));
      };
    });
    const timer = this.#clock.setTimer('thermostat answer', this.#timeoutMs, () =>
      this.#fail(new EdgeError('EDGE_DEVICE_TIMEOUT', `no answer to ${question}`)),
    );
    try {
      if (this.#link === undefined) this.#link = this.#connect(question);
      else this.#link.send(Buffer.from(`${question}\n`));
      return await answer;
    } catch (thrown) {
      // An answer that comes late would be taken for the next one: never use this connection again.
      await this.#link?.close();
      this.#link = undefined;
      throw thrown;
    } finally {
      timer.cancel();
    }
  }

  #received: (bytes: Uint8Array) => void = () => undefined;

  #connect(question: string): Link {
    const link = tcpLink(
      this.#settings,
      this.#clock,
    )({
      opened: () => link.send(Buffer.from(`${question}\n`)),
      received: (bytes) => this.#received(bytes),
      closed: (cause) => {
        this.#link = undefined;
        this.#fail(cause);
      },
    });
    return link;
  }
}
