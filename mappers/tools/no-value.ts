import type { Device } from '#protocol/device.js';
import { EdgeError, isErrorCode, type ErrorCode } from '#protocol/errors.js';
import type { Look } from './live.js';

const HELD = 'A running gateway holds the port: stop it, or use edgetwin twin get.';

const HINTS: Partial<Record<ErrorCode, string>> = {
  EDGE_DEVICE_TIMEOUT: `Check wiring, unit and line settings; edgetwin mapper scan finds what answers. ${HELD}`,
  EDGE_DEVICE_CLOSED: `Look for the port in /dev/serial/by-id, that this user may open it (group dialout), or that the address is right. ${HELD}`,
  EDGE_DEVICE_FRAME:
    'Check baud rate and format, the bias and the ends of the line, and that no two devices have one unit.',
  EDGE_DEVICE_EXCEPTION:
    'Compare register, offset and unit with the manual of the device: many count from 1, and offset counts from 0.',
  EDGE_CONFIG: 'edgetwin check says what is wrong, and where.',
};

/** Why a device gave no value: the code of its readings, and what the mapper says of it. */
export function noValue({ id }: Device, { readings, detail }: Look): EdgeError {
  const reason = readings.find((one) => one.reason !== undefined)?.reason ?? '';
  const code = isErrorCode(reason) ? reason : 'EDGE_DEVICE_TIMEOUT';
  const why = detail === undefined ? '' : `: ${detail}`;
  return new EdgeError(code, `${id} gave no value${why}`, {
    hint: HINTS[code] ?? `docs/errors.md says what ${code} means and what to do.`,
  });
}

/** `counted: requests 2, timeouts 2` of what was on the line; empty when nothing was. */
export function countedText(counters: Look['counters']): string {
  const counts = Object.entries(counters)
    .filter(([name]) => name !== 'polls')
    .map(([name, count]) => `${name} ${count}`);
  return counts.length === 0 ? '' : `counted: ${counts.join(', ')}\n`;
}
