import { EdgeError } from '#protocol/errors.js';
import type { Value } from '#protocol/twin.js';
import { parseYaml } from '#protocol/yaml-file.js';

/**
 * What a device was asked, what it answered and what that means: one of those in
 * mappers/templates/exchanges. Modbus frames are those of a serial line, also of devices on TCP.
 */
export interface Exchange {
  /**
   * `register map`: made from the documentation's table, not heard. `heard`: the device was asked by
   * another program, whose requests are not ours.
   */
  readonly origin: 'documented' | 'register map' | 'recorded' | 'live' | 'heard';
  readonly source: string;
  /** The only properties that are read; all of the template when absent. */
  readonly properties?: readonly string[];
  /** `request` is absent of a sensor that talks by itself. */
  readonly frames: readonly { readonly request?: Uint8Array; readonly reply: Uint8Array }[];
  /** By property; null: bad. */
  readonly values: Readonly<Record<string, Value>>;
  readonly writes: readonly {
    readonly property: string;
    readonly value: Value;
    readonly request: Uint8Array;
    readonly reply: Uint8Array;
  }[];
}

interface WrittenFrame {
  readonly request?: string;
  readonly requestText?: string;
  readonly reply?: string;
  readonly replyText?: string;
  readonly replyLines?: readonly string[];
}

/** A file of exchanges; throws EDGE_CONFIG when it is no YAML. */
export async function parseExchanges(template: string, text: string): Promise<readonly Exchange[]> {
  const { documents, issues } = await parseYaml(template, text);
  const [document] = documents;
  if (document === undefined || issues.length > 0) {
    const why = issues.map(({ message }) => message).join('; ');
    throw new EdgeError('EDGE_CONFIG', `the exchanges of ${template} cannot be read: ${why}`, {
      hint: 'Look at mappers/templates/exchanges: each file has a list named exchanges.',
    });
  }
  const { exchanges } = document.value as {
    exchanges: readonly (Omit<Exchange, 'frames' | 'writes'> & {
      readonly frames: readonly WrittenFrame[];
      readonly writes?: readonly (WrittenFrame & { property: string; value: Value })[];
    })[];
  };
  return exchanges.map(({ frames, writes = [], ...rest }) => ({
    ...rest,
    frames: frames.map((frame) => {
      const { request, requestText } = frame;
      const reply = replyOf(frame);
      if (request === undefined && requestText === undefined) return { reply };
      return { request: bytesOf(request, requestText), reply };
    }),
    writes: writes.map(({ property, value, ...frame }) => ({
      ...{ property, value, reply: replyOf(frame) },
      request: bytesOf(frame.request, frame.requestText),
    })),
  }));
}

function replyOf({ reply, replyText, replyLines }: WrittenFrame): Uint8Array {
  return bytesOf(reply, replyText ?? replyLines?.map((line) => `${line}\r\n`).join(''));
}

function bytesOf(hex: string | undefined, text: string | undefined): Uint8Array {
  if (hex === undefined) return Buffer.from(text ?? '', 'latin1');
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}
