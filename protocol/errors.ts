/**
 * The one base class of every error this product throws or sends. Match `code`, never the text.
 * docs/errors.md has a section for each code.
 */
export class EdgeError extends Error {
  override readonly name = 'EdgeError';
  readonly code: ErrorCode;
  /** True when the peer, the device or the caller is at fault; false when it is this program. */
  readonly remote: boolean;
  /** What a person should do next. */
  readonly hint: string | undefined;
  /** What the program may need besides the code; its shape belongs to whoever throws the code. */
  readonly details: unknown;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; hint?: string; remote?: boolean; details?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.remote = options.remote ?? ERROR_CODES[code].remote;
    this.hint = options.hint;
    this.details = options.details;
  }

  /** Turns anything thrown into an EdgeError; an EdgeError passes unchanged. */
  static from(thrown: unknown, code: ErrorCode = 'EDGE_INTERNAL'): EdgeError {
    if (thrown instanceof EdgeError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new EdgeError(code, message, { cause: thrown });
  }
}

/** Every code with its default fault side and its meaning. `remote`: not this program's fault. */
export const ERROR_CODES = {
  EDGE_INTERNAL: { remote: false, meaning: 'A defect in this program.' },
  EDGE_USAGE: { remote: true, meaning: 'The command line is wrong.' },
  EDGE_CONFIG: { remote: true, meaning: 'A configuration or device document is wrong.' },
  EDGE_LIMIT: { remote: true, meaning: 'A named limit was exceeded.' },
  EDGE_MALFORMED: { remote: true, meaning: 'Bytes or a document could not be decoded.' },
  EDGE_PROTOCOL: { remote: true, meaning: 'The peer broke the sync protocol.' },
  EDGE_VERSION_SKEW: { remote: true, meaning: 'No protocol version is shared with the peer.' },
  EDGE_NO_DEVICE: { remote: true, meaning: 'The device is not known here.' },
  EDGE_NO_PROPERTY: { remote: true, meaning: 'The device has no such property.' },
  EDGE_NO_METHOD: { remote: true, meaning: 'The device has no such method.' },
  EDGE_NO_COMMAND: { remote: true, meaning: 'The command is not known here, or not any more.' },
  EDGE_NO_NODE: { remote: true, meaning: 'The node is not known here.' },
  EDGE_NO_OPERATOR: { remote: true, meaning: 'The operator is not known here.' },
  EDGE_DEVICE_TAKEN: { remote: true, meaning: 'Another node owns a device of this id.' },
  EDGE_INCARNATION: { remote: true, meaning: 'The device was deleted or created again since.' },
  EDGE_TYPE: { remote: true, meaning: 'The value is not of the property’s type.' },
  EDGE_RANGE: { remote: true, meaning: 'The value is outside the property’s range.' },
  EDGE_READ_ONLY: { remote: true, meaning: 'The property cannot be written.' },
  EDGE_CONFLICT: { remote: true, meaning: 'The version is not the one the writer expected.' },
  EDGE_UNAUTHENTICATED: { remote: true, meaning: 'Credentials are missing or not valid.' },
  EDGE_FORBIDDEN: { remote: true, meaning: 'The identity may not do this.' },
  EDGE_TOKEN: {
    remote: true,
    meaning: 'A join token is unknown, used, expired or for another node.',
  },
  EDGE_CERTIFICATE: { remote: true, meaning: 'A certificate or key is missing or not acceptable.' },
  EDGE_BUNDLE: { remote: true, meaning: 'A release bundle must not be installed here.' },
  EDGE_SUPERSEDED: { remote: true, meaning: 'A newer session of the same node took over.' },
  EDGE_CONNECTION: { remote: true, meaning: 'The connection failed or was closed.' },
  EDGE_TIMEOUT: { remote: true, meaning: 'No answer in time.' },
  EDGE_NOT_RUNNING: { remote: true, meaning: 'The program this command talks to is not running.' },
  EDGE_UNSUPPORTED: { remote: true, meaning: 'Not supported by this version.' },
  EDGE_STORAGE: { remote: false, meaning: 'The durable store cannot accept the record now.' },
  EDGE_STORAGE_CORRUPT: { remote: false, meaning: 'Stored bytes failed their checksum.' },
  EDGE_LOCKED: { remote: true, meaning: 'Another process uses this data folder.' },
  EDGE_DEVICE_TIMEOUT: { remote: true, meaning: 'The device did not answer in time.' },
  EDGE_DEVICE_EXCEPTION: { remote: true, meaning: 'The device answered with an exception.' },
  EDGE_DEVICE_FRAME: { remote: true, meaning: 'The device’s answer was damaged or not its own.' },
  EDGE_DEVICE_CLOSED: { remote: true, meaning: 'The port or connection to the device is closed.' },
  EDGE_DEVICE_REJECTED: { remote: true, meaning: 'The device did not take the written value.' },
  EDGE_OUT_OF_RANGE: { remote: true, meaning: 'The device reported a value outside its range.' },
  EDGE_VALUE_DIFFERS: { remote: true, meaning: 'The value read back is not the desired one.' },
  EDGE_EXPIRED: { remote: true, meaning: 'The time of the command was over before its effect.' },
  EDGE_EFFECT_UNKNOWN: {
    remote: true,
    meaning: 'Nobody can know whether the command had its effect.',
  },
  EDGE_NOT_READ: { remote: true, meaning: 'The value was inherited and not read again yet.' },
} as const satisfies Record<string, { remote: boolean; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** True for a string that names a known code: codes from a peer are data until checked. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}
