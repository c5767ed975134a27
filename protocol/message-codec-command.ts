import { LIMITS } from './limits.js';
import { clip, trimmed } from './message-codec-fields.js';
import type { MessageCodec } from './message-codec-session.js';
import { epochOnly } from './message-codec-session.js';
import type { Command, CommandState, Query, Resack, Result } from './sync-message-command.js';

/** The order is the wire format: add at the end. */
const STATES: readonly CommandState[] = [
  'done',
  'failed',
  'expired',
  'unknown',
  'never-seen',
  'running',
];

export const command: MessageCodec<Command> = {
  code: 19,
  write: (m) => [
    m.epoch,
    null,
    m.command,
    m.device,
    m.incarnation.gen,
    m.incarnation.n,
    m.method,
    m.args,
    m.ttlMs,
    m.issuedMs,
  ],
  read: (fields) => ({
    kind: 'command',
    epoch: epochOnly(fields),
    command: fields.hex64(),
    device: fields.device(),
    incarnation: fields.version(),
    method: fields.text(LIMITS.nameChars),
    args: fields.value(),
    ttlMs: fields.count(),
    issuedMs: fields.finite(),
  }),
};

export const result: MessageCodec<Result> = {
  code: 20,
  write: (m) => [
    m.epoch,
    null,
    m.command,
    STATES.indexOf(m.state),
    ...trimmed(
      [
        // Null is a value of its own: a present one stands in an array.
        m.value === undefined ? null : [m.value],
        m.code === undefined ? null : clip(m.code),
        m.detail === undefined ? null : clip(m.detail),
      ],
      [null, null, null],
    ),
  ],
  read: (fields) => {
    const base = {
      kind: 'result',
      epoch: epochOnly(fields),
      command: fields.hex64(),
      state: fields.choice(STATES),
    } as const;
    const value = fields.isAbsent() ? undefined : fields.nested('result').value();
    const code = fields.optionalText();
    const detail = fields.optionalText();
    return {
      ...base,
      ...(value === undefined ? {} : { value }),
      ...(code === undefined ? {} : { code }),
      ...(detail === undefined ? {} : { detail }),
    };
  },
};

export const resack: MessageCodec<Resack> = {
  code: 21,
  write: (m) => [m.epoch, null, m.command],
  read: (fields) => ({ kind: 'resack', epoch: epochOnly(fields), command: fields.hex64() }),
};

export const query: MessageCodec<Query> = {
  code: 22,
  write: (m) => [m.epoch, null, m.command],
  read: (fields) => ({ kind: 'query', epoch: epochOnly(fields), command: fields.hex64() }),
};
