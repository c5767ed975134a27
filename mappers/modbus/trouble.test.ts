import test from 'ava';
import { refusesTogether, trouble } from './trouble.js';
import { outcomeOf } from './outcome.js';

const EXCEPTIONS = [
  [1, 'EDGE_DEVICE_EXCEPTION', /ILLEGAL FUNCTION/],
  [2, 'EDGE_DEVICE_EXCEPTION', /ILLEGAL DATA ADDRESS/],
  [3, 'EDGE_DEVICE_EXCEPTION', /ILLEGAL DATA VALUE/],
  [4, 'EDGE_DEVICE_EXCEPTION', /DEVICE FAILURE/],
  [5, 'EDGE_DEVICE_EXCEPTION', /ACKNOWLEDGE/],
  [6, 'EDGE_DEVICE_EXCEPTION', /BUSY/],
  [8, 'EDGE_DEVICE_EXCEPTION', /MEMORY PARITY ERROR/],
  [10, 'EDGE_DEVICE_CLOSED', /GATEWAY PATH UNAVAILABLE/],
  [11, 'EDGE_DEVICE_TIMEOUT', /FAILED TO RESPOND/],
  [77, 'EDGE_DEVICE_EXCEPTION', /UNKNOWN/],
] as const;

for (const [code, reason, why] of EXCEPTIONS)
  test(`exception ${code}: a reading is bad with ${reason}, a write is over`, (t) => {
    const told = trouble({ kind: 'exception', code });
    t.like(told, { reason, exception: code });
    t.regex(told.why, why);
    const written = outcomeOf({ kind: 'exception', code });
    t.like(written, { ok: false, code: reason, retry: false });
    // ACKNOWLEDGE and a silent target leave open what the device does.
    t.is(
      'effect' in written ? written.effect : undefined,
      [5, 11].includes(code) ? 'unknown' : undefined,
    );
    t.is(refusesTogether(2, told), code === 2 || code === 3, 'whether the read is parted');
    t.false(refusesTogether(1, told));
  });
