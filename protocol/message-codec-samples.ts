import {
  commonClock,
  groups,
  ownClock,
  QUALITIES,
  readClock,
  readGroups,
  withClock,
  writeClock,
} from './message-codec-rows.js';
import { clip, trimmed } from './message-codec-fields.js';
import type { MessageCodec } from './message-codec-session.js';
import { epochOnly } from './message-codec-session.js';
import type { Sack, SampleRow, Samples } from './sync-message-samples.js';

/** Numbers and timestamps are written as steps from the row before, the first from `from`. */
export const samples: MessageCodec<Samples> = {
  code: 16,
  write: (m) => {
    let n = m.from;
    let timestamp = 0;
    const common = commonClock(m.rows);
    const rows = groups(m.rows, (row) => {
      const time = Math.max(0, Math.round(row.timestamp));
      const steps = [row.n - n, time - timestamp];
      n = row.n;
      timestamp = time;
      const quality = QUALITIES.indexOf(row.quality);
      const reason = row.reason === undefined ? null : clip(row.reason);
      const clock = ownClock(row, common);
      return trimmed(
        [row.property, steps[0], row.value, steps[1], quality, reason, clock],
        [0, null, null],
      );
    });
    return [m.epoch, null, m.from, m.to, m.dropped, rows, ...writeClock(common)];
  },
  read: (fields) => {
    const epoch = epochOnly(fields);
    const [from, to, dropped] = [fields.count(), fields.count(), fields.count()];
    let n = from;
    let timestamp = 0;
    const rows = readGroups<SampleRow>(fields, (device, incarnation, row) => {
      const property = row.property();
      n = row.step(n);
      const value = row.value();
      timestamp = row.step(timestamp);
      const quality = row.choice(QUALITIES, 0);
      const reason = row.optionalText();
      const clock = readClock(row);
      return {
        ...{ device, incarnation, property, n, value, quality, timestamp },
        ...(reason === undefined ? {} : { reason }),
        ...(clock === undefined ? {} : { clock }),
      };
    });
    return { kind: 'samples', epoch, from, to, dropped, rows: withClock(rows, fields) };
  },
};

export const sack: MessageCodec<Sack> = {
  code: 17,
  write: (m) => [m.epoch, null, m.stored],
  read: (fields) => ({ kind: 'sack', epoch: epochOnly(fields), stored: fields.count() }),
};
