import type { Reading } from '#protocol/mapper-port.js';
import type { HeardExchange } from './line-tap.js';

const hex = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(..)(?!$)/g, '$1 ');

/** What was heard as a fixture of mappers/templates/exchanges; a frame without request was said unasked. */
export function formatExchange(
  template: string,
  source: string,
  frames: readonly (HeardExchange | { readonly reply: Uint8Array })[],
  readings: readonly Reading[],
): string {
  const lines = frames.flatMap((frame) =>
    'request' in frame
      ? [`      - request: ${hex(frame.request)}`, `        reply: ${hex(frame.reply)}`]
      : [`      - reply: ${hex(frame.reply)}`],
  );
  const values = readings.map(
    ({ property, value, quality }) =>
      `      ${property}: ${JSON.stringify(quality === 'good' ? value : null)}`,
  );
  return [
    `template: ${template}`,
    'exchanges:',
    '  - origin: recorded',
    `    source: ${JSON.stringify(source)}`,
    '    frames:',
    ...lines,
    '    values:',
    ...values,
    '',
  ].join('\n');
}
