import type { PointName } from '../modbus/sunspec-point.js';
import {
  pointsOf,
  SUNSPEC_GROUPS,
  SUNSPEC_MODELS,
  type SunSpecGroup,
  type SunSpecPoint,
} from '../modbus/sunspec-models.js';
import { toWords } from '../modbus/words.js';
import { at, type Holdings } from './slave.js';

const BASE = 40_000;
const MARKER = [0x5375, 0x6e53];
const END = [0xffff, 0];
const TRACKERS = { head: 10, each: 20, inputs: 2 };
/** A scale factor of -1: raw 2305 shows as 230.5. */
const TENTHS = 0xffff;
const FIRST_RAW = 1000;

/** The registers of a SunSpec device that has these points: a chain of the models they need. */
export function sunSpecHoldings(points: Iterable<PointName>): Holdings {
  const wanted = [...points];
  const words = [...MARKER];
  const add = (id: number): void => {
    const length = lengthOf(id);
    const model = new Array<number>(length + 2).fill(0);
    model.splice(0, 2, id, length);
    pointsOf(id, length).forEach((point, index) => fill(model, point, FIRST_RAW + index));
    words.push(...model);
  };
  // The first model of every chain is the common one.
  add(1);
  for (const group of SUNSPEC_GROUPS) {
    if (group === 'common') continue;
    const most = Math.max(0, ...wanted.filter((one) => one.group === group).map((p) => p.number));
    for (let count = 0; count < most; count += 1) modelsFor(group, wanted).forEach(add);
  }
  words.push(...END);
  return new Map(words.map((word, index) => [at('holding', BASE + index), word]));
}

/** The first model that has all of the group's wanted points, or every model that has one. */
function modelsFor(group: SunSpecGroup, wanted: readonly PointName[]): readonly number[] {
  const names = wanted.filter((one) => one.group === group).map(({ name }) => name);
  const ids = [...SUNSPEC_MODELS].filter(([, model]) => model.group === group).map(([id]) => id);
  const has = (id: number, name: string): boolean =>
    pointsOf(id, lengthOf(id)).some((point) => point.name === name);
  const whole = ids.find((id) => names.every((name) => has(id, name)));
  return whole === undefined ? ids.filter((id) => names.some((name) => has(id, name))) : [whole];
}

function lengthOf(id: number): number {
  if (SUNSPEC_MODELS.get(id)?.group === 'trackers')
    return TRACKERS.head + TRACKERS.inputs * TRACKERS.each - 2;
  const ends = pointsOf(id, 0).flatMap(({ offset, scale = 0, length = 2 }) => [
    offset + length,
    scale + 1,
  ]);
  return Math.max(...ends) - 2;
}

function fill(
  model: number[],
  { type, offset, scale, length = 0, names }: SunSpecPoint,
  raw: number,
): void {
  const put = (at: number, words: readonly number[]): void => {
    model.splice(at, words.length, ...words);
  };
  if (names !== undefined) put(offset, [Number(Object.keys(names)[0])]);
  else if (type === 'string')
    put(offset, toWords(Buffer.from('simulated'.padEnd(length * 2, '\0'))));
  else if (type === 'float32') {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatBE(raw / 10);
    put(offset, toWords(bytes));
  } else put(offset, type === 'uint32' ? [0, raw] : [raw]);
  if (scale !== undefined) put(scale, [TENTHS]);
}
