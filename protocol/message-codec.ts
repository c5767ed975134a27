import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import * as commands from './message-codec-command.js';
import { Fields } from './message-codec-fields.js';
import * as device from './message-codec-hub-device.js';
import * as history from './message-codec-samples.js';
import * as session from './message-codec-session.js';
import type { MessageCodec } from './message-codec-session.js';
import * as twin from './message-codec-twin.js';
import type { SyncMessage } from './sync-message.js';
import { parseBoundedJson } from './value-check-json.js';

/**
 * The bytes of a sync message: a codec version, a byte of flags, then a JSON array in UTF-8
 * `[type, epoch, id, ...]`. Position 2 is the message's OWN id or null, in every type that there
 * is or will be: a receiver that does not know a type can still answer Unsupported(id). Absent
 * trailing positions have defaults and further ones are ignored, so both ends may grow.
 */
export const CODEC_VERSION = 1;

/** Bit 0: the body is compressed with the dictionary of the handshake; see message-compression.ts. */
export const FLAG_COMPRESSED = 1;
export const HEADER_BYTES = 2;

/** Levels that a message puts around a value: message, groups, group, rows, row. */
const ENVELOPE_DEPTH = 5;

const CODECS: {
  readonly [K in SyncMessage['kind']]: MessageCodec<Extract<SyncMessage, { kind: K }>>;
} = {
  hello: session.hello,
  welcome: session.welcome,
  ready: session.ready,
  confirm: session.confirm,
  state: twin.state,
  ack: twin.ack,
  desired: twin.desired,
  stored: twin.stored,
  local: twin.local,
  'local-result': twin.localResult,
  digest: twin.digest,
  resend: twin.resend,
  bye: session.bye,
  unsupported: session.unsupported,
  announce: twin.announce,
  samples: history.samples,
  sack: history.sack,
  devices: device.hubDevices,
  command: commands.command,
  result: commands.result,
  resack: commands.resack,
  query: commands.query,
  adopt: device.adopt,
};

const BY_CODE: ReadonlyMap<number, MessageCodec<SyncMessage>> = new Map(
  Object.values(CODECS).map((codec: MessageCodec<SyncMessage>) => [codec.code, codec]),
);

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Rows of one device should stand together: they are written as one group. Texts for people are
 * cut to LIMITS.textChars. Throws EDGE_LIMIT beyond LIMITS.messageRows or LIMITS.messageBytes:
 * the sender must split. Values must have passed `checkValue`.
 */
export function encodeMessage(message: SyncMessage): Uint8Array {
  if ('rows' in message) checkRows(message.rows.length);
  const codec: MessageCodec<SyncMessage> = CODECS[message.kind];
  const body = encoder.encode(JSON.stringify([codec.code, ...codec.write(message)]));
  checkBytes(body.length + HEADER_BYTES);
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  bytes[0] = CODEC_VERSION;
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/**
 * Total: any bytes give a message whose every field is checked, or throw an EdgeError of
 * EDGE_MALFORMED, EDGE_LIMIT or EDGE_UNSUPPORTED (see `unsupportedMessage`).
 */
export function decodeMessage(bytes: Uint8Array): SyncMessage {
  checkBytes(bytes.length);
  checkHeader(bytes);
  const items = parseBoundedJson(
    textOf(bytes.subarray(HEADER_BYTES)),
    LIMITS.jsonDepth + ENVELOPE_DEPTH,
  );
  const fields = new Fields('message', items);
  const type = fields.count();
  const codec = BY_CODE.get(type);
  if (codec !== undefined) return codec.read(fields);
  throw new EdgeError('EDGE_UNSUPPORTED', `sync message of unknown type ${type}`, {
    details: { epoch: fields.count(0), id: fields.optionalCount() } satisfies Unknown,
    hint: 'One end is older than the other: update it.',
  });
}

/** Epoch and id of a message whose type is not known here, to be answered with Unsupported. */
export function unsupportedMessage(error: unknown): { epoch: number; id: number } | undefined {
  if (!(error instanceof EdgeError) || error.code !== 'EDGE_UNSUPPORTED') return undefined;
  const { epoch, id } = (error.details ?? {}) as Partial<Unknown>;
  return epoch === undefined || id === undefined ? undefined : { epoch, id };
}

interface Unknown {
  readonly epoch: number;
  readonly id: number | undefined;
}

function checkHeader(bytes: Uint8Array): void {
  const [version, flags] = bytes;
  if (version === undefined || flags === undefined)
    throw new EdgeError('EDGE_MALFORMED', `sync message of ${bytes.length} bytes`);
  if (version !== CODEC_VERSION)
    throw new EdgeError('EDGE_UNSUPPORTED', `sync message of codec version ${version}`);
  if ((flags & FLAG_COMPRESSED) !== 0)
    throw new EdgeError('EDGE_UNSUPPORTED', 'sync message is compressed: no dictionary was agreed');
  if (flags !== 0) throw new EdgeError('EDGE_MALFORMED', `sync message with flags ${flags}`);
}

function textOf(body: Uint8Array): string {
  try {
    return decoder.decode(body);
  } catch (cause) {
    throw new EdgeError('EDGE_MALFORMED', 'sync message is not UTF-8', { cause });
  }
}

function checkRows(rows: number): void {
  if (rows <= LIMITS.messageRows) return;
  throw new EdgeError('EDGE_LIMIT', `sync message of ${rows} rows, over ${LIMITS.messageRows}`);
}

function checkBytes(length: number): void {
  if (length <= LIMITS.messageBytes) return;
  throw new EdgeError('EDGE_LIMIT', `sync message of ${length} bytes, over ${LIMITS.messageBytes}`);
}
