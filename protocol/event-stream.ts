import { EdgeError } from './errors.js';

/** One server-sent event (WHATWG HTML section 9.2); `data` is JSON here. */
export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** Characters of one event that a reader keeps: a device of 1,024 properties of 8 KiB, and some. */
const EVENT_CHARS_MAX = 16 * 1024 * 1024;

/** A comment: keeps middle boxes from closing a quiet stream. */
export const KEEP_ALIVE_COMMENT = ': keep-alive\n\n';

/** JSON has no raw line ends, so one `data` line is always enough. */
export function encodeEvent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Reads a stream of events from pieces of text cut anywhere. */
export class EventStreamParser {
  #rest = '';

  /** Returns the events that are now complete. Throws EDGE_LIMIT or EDGE_MALFORMED. */
  push(text: string): ServerEvent[] {
    const blocks = `${this.#rest}${text}`.split('\n\n');
    this.#rest = blocks.pop() ?? '';
    if (this.#rest.length > EVENT_CHARS_MAX)
      throw new EdgeError('EDGE_LIMIT', `an event exceeds ${EVENT_CHARS_MAX} characters`);
    return blocks.flatMap((block) => {
      const lines = block.split('\n');
      const data = fieldsOf(lines, 'data');
      if (data.length === 0) return [];
      return [
        { event: fieldsOf(lines, 'event').at(-1) ?? 'message', data: parse(data.join('\n')) },
      ];
    });
  }
}

function fieldsOf(lines: readonly string[], name: string): string[] {
  return lines
    .filter((line) => line.startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).replace(/^ /, ''));
}

function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new EdgeError('EDGE_MALFORMED', 'an event carries no JSON', { cause });
  }
}
