import type { OperatingPoint } from '#tunnel/coded/recovery/constants.js';
import { ControlledGate } from './controlled-gate.js';
import type { MessageLoad } from './message-run.js';

/** One situation of the message path, and what it must show. Milliseconds one way, IP bytes. */
export interface MessageCell {
  readonly name: string;
  readonly load: Omit<MessageLoad, 'seed' | 'messages'>;
  readonly atMost: Partial<
    Readonly<Record<'p99' | 'p999' | 'max' | 'bytesPerMessage' | 'overhead', number>>
  >;
}

const PLAIN = { roundTripMs: 100 } as const;

function lossy(
  point: OperatingPoint,
  loss: number,
  atMost: MessageCell['atMost'],
  more: Partial<MessageLoad> = {},
): MessageCell {
  const rtt = more.roundTripMs === undefined ? '' : `, RTT ${more.roundTripMs}`;
  return {
    name: `${point}, ${loss * 100} % loss${rtt}`,
    load: { ...PLAIN, point, link: { loss }, ...more },
    atMost,
  };
}

/** 26.2 kB of packets a second against a bottleneck, 5 % loss beside: the bytes must not explode. */
function overload(offered: number, point: OperatingPoint): MessageCell {
  return {
    name: `${point}, ${offered} of the capacity offered, 5 % loss`,
    load: {
      ...PLAIN,
      point,
      perSecond: 100,
      link: { loss: 0.05, rate: 26.2 / offered, queueBytes: 20_000 },
      gate: (exchange) => new ControlledGate(exchange),
    },
    atMost: { overhead: 1.25 },
  };
}

const FADES = { fades: { goodMs: 450, badMs: 50 } } as const;

/** 200-byte messages, 20 a second, RTT 100 ms unless said. */
export const MESSAGE_CELLS: readonly MessageCell[] = [
  lossy('asap', 0, { p99: 60, overhead: 1.01 }),
  lossy('asap', 0.05, { p99: 70, p999: 230, bytesPerMessage: 640 }),
  lossy('asap', 0.1, { p99: 75, p999: 230, bytesPerMessage: 730 }),
  lossy('asap', 0.2, { p99: 75, p999: 230, bytesPerMessage: 1_000 }),
  lossy('asap', 0.3, { p99: 80, p999: 230, max: 500, bytesPerMessage: 1_300 }),
  lossy('lean', 0, { p99: 60, overhead: 1.01 }),
  lossy('lean', 0.1, { p99: 180, bytesPerMessage: 480 }),
  lossy('lean', 0.2, { p99: 190, bytesPerMessage: 600 }),
  lossy('lean', 0.3, { p99: 200, bytesPerMessage: 820 }),
  lossy('asap', 0.1, { p99: 180, p999: 320, bytesPerMessage: 730 }, { roundTripMs: 300 }),
  {
    name: 'asap, fades of 50 ms',
    load: { ...PLAIN, point: 'asap', link: FADES },
    atMost: { p99: 250 },
  },
  {
    name: 'lean, fades of 50 ms',
    load: { ...PLAIN, point: 'lean', link: FADES },
    atMost: { p99: 250 },
  },
  {
    name: 'asap echo, 512 bytes, 100/s, RTT 20, 5 % loss',
    load: {
      point: 'asap',
      roundTripMs: 20,
      perSecond: 100,
      bytes: 512,
      echo: true,
      link: { loss: 0.05 },
    },
    atMost: { p99: 40 },
  },
  overload(1, 'asap'),
  overload(1.1, 'asap'),
  overload(1.2, 'asap'),
  overload(1.2, 'lean'),
];
