import type { SyncMessage } from '#protocol/sync-message.js';
import type { Flight } from '#tunnel/memory-connection.js';
import { Letters } from '../letters.js';
import type { Weather } from '../weather.js';

/** A message on its way, opened. */
export interface Letter {
  readonly node: string;
  readonly way: Flight['way'];
  readonly message: SyncMessage;
  readonly flight: Flight;
}

export type Kind = SyncMessage['kind'];

/** Everything that was sent, and power over what arrives: for scripts, where order is the point. */
export class Post {
  readonly sent: Letter[] = [];
  readonly #weather: Weather;
  #rules: ((letter: Letter) => boolean)[] = [];

  constructor(weather: Weather) {
    this.#weather = weather;
    const letters = new Letters();
    weather.inspect = (flight) => {
      const message = letters.open(flight);
      if (message === undefined) return true;
      const { node, way } = flight;
      const letter: Letter = { node, way, message, flight };
      this.sent.push(letter);
      return !this.#rules.some((rule) => rule(letter));
    };
  }

  /** Keeps back all messages of these kinds from now on, until `open`. */
  hold(...kinds: readonly Kind[]): Held {
    const letters: Letter[] = [];
    const rule = (letter: Letter): boolean => {
      const isHeld = kinds.includes(letter.message.kind);
      if (isHeld) letters.push(letter);
      return isHeld;
    };
    this.#rules.push(rule);
    return {
      letters,
      deliver: (...chosen) => {
        for (const letter of chosen.length > 0 ? chosen : letters)
          this.#weather.carry(letter.flight);
      },
      open: () => {
        this.#rules = this.#rules.filter((other) => other !== rule);
      },
    };
  }

  /** Of one kind, oldest first. */
  of<K extends Kind>(kind: K): readonly Extract<SyncMessage, { kind: K }>[] {
    return this.sent.flatMap(({ message }) => (isKind(message, kind) ? [message] : []));
  }
}

export interface Held {
  readonly letters: readonly Letter[];
  /** These, or all: on their way now, in this order. A letter may be delivered more than once. */
  readonly deliver: (...letters: readonly Letter[]) => void;
  /** Nothing more is kept back; what is held stays lost unless it is delivered. */
  readonly open: () => void;
}

function isKind<K extends Kind>(
  message: SyncMessage,
  kind: K,
): message is Extract<SyncMessage, { kind: K }> {
  return message.kind === kind;
}
