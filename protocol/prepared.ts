import { EdgeError } from './errors.js';
import { parseOutsideJson } from './outside-json.js';

/**
 * What a hub prepares for the boot partition of one gateway: its way into the hub, and perhaps its
 * configuration. With a token the gateway makes its own key and needs the hub once; with an identity
 * it needs nobody, and whoever reads the file first can be that node.
 */
export interface Prepared {
  readonly node: string;
  readonly token?: string;
  readonly identity?: PreparedIdentity;
  /** The text of a gateway.yaml. */
  readonly config?: string;
}

/** PEM; the certificate with that of its issuing authority, the roots one after the other. */
export interface PreparedIdentity {
  readonly hub: string;
  readonly key: string;
  readonly certificate: string;
  readonly authority: string;
}

/** Bytes of such a file: a configuration is a page or two, certificates are 2 KiB. */
export const PREPARED_BYTES = 128 * 1024;

const KIND = 'prepared gateway';

export function encodePrepared(prepared: Prepared): string {
  return `${JSON.stringify({ edgetwin: KIND, ...prepared })}\n`;
}

/** Throws EDGE_CONFIG for anything that is not such a file. */
export function decodePrepared(bytes: Uint8Array): Prepared {
  const fields = fieldsOf(parse(bytes));
  const optional = (from: ReadonlyMap<string, unknown>, name: string): string | undefined => {
    const value = from.get(name);
    if (value === undefined || typeof value === 'string') return value;
    throw notPrepared(`its ${name} is no text`);
  };
  const needed = (from: ReadonlyMap<string, unknown>, name: string): string => {
    const value = optional(from, name);
    if (value === undefined) throw notPrepared(`its ${name} is missing`);
    return value;
  };
  if (fields.get('edgetwin') !== KIND) throw notPrepared('it does not say so');
  const [token, config] = [optional(fields, 'token'), optional(fields, 'config')];
  const kept = fields.has('identity') ? fieldsOf(fields.get('identity')) : undefined;
  return {
    node: needed(fields, 'node'),
    ...(token === undefined ? {} : { token }),
    ...(config === undefined ? {} : { config }),
    ...(kept === undefined
      ? {}
      : {
          identity: {
            hub: needed(kept, 'hub'),
            key: needed(kept, 'key'),
            certificate: needed(kept, 'certificate'),
            authority: needed(kept, 'authority'),
          },
        }),
  };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseOutsideJson(bytes, PREPARED_BYTES);
  } catch (cause) {
    throw notPrepared('it is damaged or too long', cause);
  }
}

function fieldsOf(value: unknown): ReadonlyMap<string, unknown> {
  return new Map(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}

function notPrepared(why: string, cause?: unknown): EdgeError {
  return new EdgeError('EDGE_CONFIG', `This is no file for a gateway: ${why}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Make one at the hub: edgetwin-hub prepare NODE --out FILE.',
  });
}
