import { readDescription, writeDescription } from './message-codec-device.js';
import { clip, trimmed } from './message-codec-fields.js';
import {
  commonClock,
  groups,
  ownClock,
  QUALITIES,
  readClock,
  readDesiredRows,
  readGroups,
  withClock,
  writeClock,
  writeDesiredRows,
} from './message-codec-rows.js';
import type { MessageCodec } from './message-codec-session.js';
import { epochOnly } from './message-codec-session.js';
import { LIMITS } from './limits.js';
import type {
  Ack,
  Announce,
  DesiredState,
  Digest,
  Local,
  LocalResult,
  Resend,
  State,
  StateRow,
  Stored,
} from './sync-message.js';

const OUTCOMES: readonly LocalResult['outcome'][] = ['ok', 'conflict', 'superseded', 'rejected'];

/** Counters and timestamps of consecutive rows are close: each is written as a step from the last. */
export const state: MessageCodec<State> = {
  code: 5,
  write: (m) => {
    let n = 0;
    let timestamp = 0;
    const common = commonClock(m.rows);
    const rows = groups(m.rows, (row) => {
      const time = Math.max(0, Math.round(row.timestamp));
      const steps = [row.n - n, time - timestamp];
      n = row.n;
      timestamp = time;
      const { gen, n: desired } = row.desiredVersion;
      const quality = QUALITIES.indexOf(row.quality);
      const reason = row.reason === undefined ? null : clip(row.reason);
      return trimmed(
        [
          row.property,
          steps[0],
          row.value,
          steps[1],
          gen,
          desired,
          quality,
          reason,
          row.gen ?? null,
          ownClock(row, common),
        ],
        [0, 0, 0, null, null, null],
      );
    });
    return [m.epoch, m.id, rows, ...writeClock(common)];
  },
  read: (fields) => {
    const [epoch, id] = [fields.count(), fields.count()];
    let n = 0;
    let timestamp = 0;
    const rows = readGroups<StateRow>(fields, (device, incarnation, row) => {
      const property = row.property();
      n = row.step(n);
      const value = row.value();
      timestamp = row.step(timestamp);
      const desiredVersion = row.trailingVersion();
      const quality = row.choice(QUALITIES, 0);
      const reason = row.optionalText();
      const gen = row.optionalCount();
      const clock = readClock(row);
      return {
        device,
        incarnation,
        property,
        n,
        ...(gen === undefined ? {} : { gen }),
        value,
        quality,
        ...(reason === undefined ? {} : { reason }),
        timestamp,
        ...(clock === undefined ? {} : { clock }),
        desiredVersion,
      };
    });
    return { kind: 'state', epoch, id, rows: withClock(rows, fields) };
  },
};

export const ack: MessageCodec<Ack> = {
  code: 6,
  write: (m) => [m.epoch, null, m.id, m.rejects.map(({ row, code }) => [row, clip(code)])],
  read: (fields) => ({
    kind: 'ack',
    epoch: epochOnly(fields),
    id: fields.count(),
    rejects: fields.list(LIMITS.messageRows, (reject) => ({
      row: reject.count(),
      code: reject.text(),
    })),
  }),
};

export const desired: MessageCodec<DesiredState> = {
  code: 7,
  write: (m) => [m.epoch, m.id, writeDesiredRows(m.rows)],
  read: (fields) => ({
    kind: 'desired',
    epoch: fields.count(),
    id: fields.count(),
    rows: readDesiredRows(fields),
  }),
};

export const stored: MessageCodec<Stored> = {
  code: 8,
  write: (m) => [m.epoch, null, m.id],
  read: (fields) => ({ kind: 'stored', epoch: epochOnly(fields), id: fields.count() }),
};

export const local: MessageCodec<Local> = {
  code: 9,
  write: (m) => [
    m.epoch,
    null,
    m.device,
    ...[m.incarnation, m.lid, m.base, m.chainStart].flatMap(({ gen, n }) => [gen, n]),
    m.property,
    m.value,
  ],
  read: (fields) => ({
    kind: 'local',
    epoch: epochOnly(fields),
    device: fields.device(),
    incarnation: fields.version(),
    lid: fields.version(),
    base: fields.version(),
    chainStart: fields.version(),
    property: fields.property(),
    value: fields.value(),
  }),
};

export const localResult: MessageCodec<LocalResult> = {
  code: 10,
  write: (m) => [
    m.epoch,
    null,
    m.device,
    m.property,
    m.lid.gen,
    m.lid.n,
    OUTCOMES.indexOf(m.outcome),
    m.version?.gen ?? null,
    m.version?.n ?? null,
    m.code === undefined ? null : clip(m.code),
  ],
  read: (fields) => {
    const base = {
      kind: 'local-result',
      epoch: epochOnly(fields),
      device: fields.device(),
      property: fields.property(),
      lid: fields.version(),
      outcome: fields.choice(OUTCOMES),
    } as const;
    const version = fields.optionalVersion();
    const code = fields.optionalText();
    return {
      ...base,
      ...(version === undefined ? {} : { version }),
      ...(code === undefined ? {} : { code }),
    };
  },
};

export const digest: MessageCodec<Digest> = {
  code: 11,
  write: (m) => [
    m.epoch,
    null,
    m.state,
    m.desired,
    m.devices.map((row) => [
      row.device,
      row.incarnation.gen,
      row.incarnation.n,
      row.reported,
      row.desired,
    ]),
  ],
  read: (fields) => ({
    kind: 'digest',
    epoch: epochOnly(fields),
    state: fields.count(),
    desired: fields.count(),
    devices: fields.list(LIMITS.messageRows, (row) => ({
      device: row.device(),
      incarnation: row.version(),
      reported: row.hex64(),
      desired: row.hex64(),
    })),
  }),
};

export const resend: MessageCodec<Resend> = {
  code: 12,
  write: (m) => [m.epoch, null, m.devices],
  read: (fields) => ({
    kind: 'resend',
    epoch: epochOnly(fields),
    devices: fields.texts(LIMITS.messageRows, (devices) => devices.device()),
  }),
};

export const announce: MessageCodec<Announce> = {
  code: 15,
  write: (m) => [
    m.epoch,
    m.id,
    m.rows.map(({ device, incarnation, n, description }) => [
      device,
      incarnation.gen,
      incarnation.n,
      n,
      description === null ? null : writeDescription(description),
    ]),
  ],
  read: (fields) => ({
    kind: 'announce',
    epoch: fields.count(),
    id: fields.count(),
    rows: fields.list(LIMITS.messageRows, (row) => {
      const device = row.device();
      const incarnation = row.version();
      const n = row.count();
      const description = row.isNull() ? null : readDescription(device, row.nested('description'));
      return { device, incarnation, n, description };
    }),
  }),
};
