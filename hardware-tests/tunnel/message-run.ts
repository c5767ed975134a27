import { seededRandom } from '#protocol/random.js';
import { EdgeError } from '#protocol/errors.js';
import type { Workbench } from '#tunnel/coded/codec/workbench.js';
import type { OperatingPoint } from '#tunnel/coded/recovery/constants.js';
import { decodeCargo, encodeCargo } from '#tunnel/coded/wire/cargo.js';
import { SimulatedPath, type PathOptions } from './simulated-path.js';
import type { LinkOptions } from './simulated-link.js';

export interface MessageLoad {
  readonly point: OperatingPoint;
  readonly roundTripMs: number;
  readonly seed: number;
  readonly messages: number;
  readonly perSecond?: number;
  readonly periodic?: boolean;
  readonly bytes?: number;
  /** Of the links both ways beside half of the round trip; jitter is 2 ms unless said. */
  readonly link?: Partial<LinkOptions>;
  readonly linkBack?: Partial<LinkOptions>;
  /** The other end sends each message back, and latency is of the round trip. */
  readonly echo?: boolean;
  /** Messages per second the other way, not measured. */
  readonly backPerSecond?: number;
  readonly gate?: PathOptions['gate'];
  readonly memory?: unknown;
}

/** Latencies one way in milliseconds; bytes of IP packets. */
export interface MessageFigures {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Messages that never arrived. */
  readonly lost: number;
  /** Both directions, per message. */
  readonly bytesPerMessage: number;
  /** Bytes sent per byte of first transmissions. */
  readonly overhead: number;
  readonly reorderingMs: number;
  /** Per message. */
  readonly retransmissions: number;
}

/** Messages that are not counted: the estimates start from nothing. */
const LEARNING = 200;

/** Sends messages one way and measures when they arrive; throws when one is wrong or comes twice. */
export function runMessages(load: MessageLoad, bench: Workbench): MessageFigures {
  const { roundTripMs, messages, seed, perSecond = 20, bytes = 200 } = load;
  const random = seededRandom(seed * 31 + 7);
  const sentAt: number[] = [];
  const took = new Float64Array(messages).fill(Infinity);
  const payloads: Uint8Array[] = [];
  const base = { delayMs: roundTripMs / 2, jitterMs: 2, ...load.link };
  const path: SimulatedPath = new SimulatedPath({
    links: [base, { ...base, ...load.linkBack }],
    roundTripMs: roundTripMs + 4,
    seed,
    bench,
    ...(load.gate === undefined ? {} : { gate: load.gate }),
    memory: load.memory,
    onSymbol: (end, { data }, now) => {
      if (end === 0 && load.echo !== true) return;
      const cargo = decodeCargo(data);
      const id = cargo.ok && cargo.value.kind === 'message' ? readId(cargo.value.data) : -1;
      if (Buffer.compare(payloads[id] ?? Buffer.alloc(0), data) !== 0)
        throw new EdgeError('EDGE_INTERNAL', `seed ${seed}: message ${id} arrived changed.`);
      if (end === 1 && load.echo === true) {
        far.exchange.offer(data, load.point, now);
        return;
      }
      if (took[id] !== Infinity)
        throw new EdgeError('EDGE_INTERNAL', `seed ${seed}: message ${id} arrived twice.`);
      took[id] = now - (sentAt[id] ?? 0);
    },
  });
  const [near, far] = path.ends;
  const gap = (rate: number): number =>
    load.periodic === true ? 1_000 / rate : (-1_000 / rate) * Math.log(1 - random.unit());
  const waiting: number[] = [];
  const drain = (): void => {
    while (waiting.length > 0) {
      const id = waiting[0] ?? 0;
      if (near.exchange.offer(payloads[id] ?? Buffer.alloc(0), load.point, path.now) === undefined)
        return;
      waiting.shift();
    }
  };
  const send = (): void => {
    const id = sentAt.length;
    const data = random.bytes(bytes);
    new DataView(data.buffer).setUint32(0, id);
    payloads.push(encodeCargo({ kind: 'message', priority: 'twin', data }));
    sentAt.push(path.now);
    waiting.push(id);
    drain();
    if (sentAt.length < messages) path.at(path.now + gap(perSecond), send);
  };
  path.at(gap(perSecond), send);
  const { backPerSecond = 0 } = load;
  const sendBack = (): void => {
    far.exchange.offer(random.bytes(bytes), load.point, path.now);
    if (sentAt.length < messages) path.at(path.now + gap(backPerSecond), sendBack);
  };
  if (backPerSecond > 0) path.at(gap(backPerSecond), sendBack);
  path.run((messages / perSecond) * 1_000 * 1.5 + 60_000);

  const sorted = took.slice(Math.min(LEARNING, messages / 10)).sort();
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? Infinity;
  const { firstBytes, retransmissions } = near.exchange.sender.counts;
  return {
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    p999: at(0.999),
    max: sorted.at(-1) ?? Infinity,
    lost: took.filter((time) => time === Infinity).length,
    bytesPerMessage: (near.bytes + far.bytes) / messages,
    overhead: near.bytes / firstBytes,
    reorderingMs: near.exchange.path.reorderingMs,
    retransmissions: retransmissions / messages,
  };
}

function readId(data: Uint8Array): number {
  return new DataView(data.buffer, data.byteOffset).getUint32(0);
}
