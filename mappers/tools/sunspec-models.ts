/**
 * Points of SunSpec information models, from the published tables (sunspec/models, Apache-2.0):
 * models 1, 101 to 103, 111 to 113, 160 and 201 to 204. Offsets count from the model's identifier.
 */
export interface SunSpecPoint {
  readonly name: string;
  readonly offset: number;
  readonly type: 'int16' | 'uint16' | 'uint32' | 'float32' | 'string';
  readonly unit?: string;
  /** Offset of the scale factor's register. */
  readonly scale?: number;
  /** Registers of a string. */
  readonly length?: number;
  readonly names?: Readonly<Record<number, string>>;
}

const text = (name: string, offset: number, length: number): SunSpecPoint => ({
  name,
  offset,
  type: 'string',
  length,
});
const of =
  (type: SunSpecPoint['type']) =>
  (name: string, offset: number, unit: string, scale?: number): SunSpecPoint => ({
    name,
    offset,
    type,
    unit,
    ...(scale === undefined ? {} : { scale }),
  });
const [int16, uint16, uint32, float32] = [of('int16'), of('uint16'), of('uint32'), of('float32')];

const STATES = {
  1: 'off',
  2: 'sleeping',
  3: 'starting',
  4: 'producing',
  5: 'throttled',
  6: 'shutting down',
  7: 'fault',
  8: 'standby',
};
const state = (offset: number): SunSpecPoint => ({
  name: 'state',
  offset,
  type: 'uint16',
  names: STATES,
});

const COMMON = [
  text('manufacturer', 2, 16),
  text('model', 18, 16),
  text('version', 42, 8),
  text('serialNumber', 50, 16),
];

const INVERTER = [
  uint16('current', 2, 'A', 6),
  uint16('currentA', 3, 'A', 6),
  uint16('voltageA', 10, 'V', 13),
  int16('power', 14, 'W', 15),
  uint16('frequency', 16, 'Hz', 17),
  int16('apparentPower', 18, 'VA', 19),
  int16('reactivePower', 20, 'var', 21),
  int16('powerFactor', 22, '%', 23),
  uint32('energy', 24, 'Wh', 26),
  uint16('dcCurrent', 27, 'A', 28),
  uint16('dcVoltage', 29, 'V', 30),
  int16('dcPower', 31, 'W', 32),
  int16('temperature', 33, 'Cel', 37),
  state(38),
];
const OTHER_PHASES = [
  uint16('currentB', 4, 'A', 6),
  uint16('currentC', 5, 'A', 6),
  uint16('voltageB', 11, 'V', 13),
  uint16('voltageC', 12, 'V', 13),
];

const FLOAT_INVERTER = [
  float32('current', 2, 'A'),
  float32('voltageA', 16, 'V'),
  float32('power', 22, 'W'),
  float32('frequency', 24, 'Hz'),
  float32('apparentPower', 26, 'VA'),
  float32('reactivePower', 28, 'var'),
  float32('powerFactor', 30, '%'),
  float32('energy', 32, 'Wh'),
  float32('dcCurrent', 34, 'A'),
  float32('dcVoltage', 36, 'V'),
  float32('dcPower', 38, 'W'),
  float32('temperature', 40, 'Cel'),
  state(48),
];

const METER = [
  int16('current', 2, 'A', 6),
  int16('currentA', 3, 'A', 6),
  int16('voltage', 7, 'V', 15),
  int16('voltageA', 8, 'V', 15),
  int16('frequency', 16, 'Hz', 17),
  int16('power', 18, 'W', 22),
  int16('powerA', 19, 'W', 22),
  int16('apparentPower', 23, 'VA', 27),
  int16('reactivePower', 28, 'var', 32),
  int16('powerFactor', 33, '%', 37),
  uint32('energyExported', 38, 'Wh', 54),
  uint32('energyImported', 46, 'Wh', 54),
];
const METER_PHASES = [
  int16('currentB', 4, 'A', 6),
  int16('currentC', 5, 'A', 6),
  int16('voltageB', 9, 'V', 15),
  int16('voltageC', 10, 'V', 15),
  int16('powerB', 20, 'W', 22),
  int16('powerC', 21, 'W', 22),
];

/** Inputs of a multiple tracker: a fixed part of 10 registers, then 20 for each. */
const TRACKER_HEAD = 10;
const TRACKER_LENGTH = 20;
const TRACKERS_MAX = 20;

export const SUNSPEC_NAMES: Readonly<Record<number, string>> = {
  1: 'common',
  101: 'inverter, single phase',
  102: 'inverter, split phase',
  103: 'inverter, three phases',
  111: 'inverter, single phase, float',
  112: 'inverter, split phase, float',
  113: 'inverter, three phases, float',
  160: 'multiple power point tracker',
  201: 'meter, single phase',
  202: 'meter, split phase',
  203: 'meter, three phases, star',
  204: 'meter, three phases, delta',
};

/** The points of a model of this length; none of a model that is not in the tables. */
export function pointsOf(model: number, length: number): readonly SunSpecPoint[] {
  if (model === 1) return COMMON;
  if (model === 101) return INVERTER;
  if (model === 102 || model === 103) return [...INVERTER, ...OTHER_PHASES];
  if (model >= 111 && model <= 113) return FLOAT_INVERTER;
  if (model === 201) return METER;
  if (model >= 202 && model <= 204) return [...METER, ...METER_PHASES];
  if (model !== 160) return [];
  const count = Math.min(TRACKERS_MAX, Math.floor((length + 2 - TRACKER_HEAD) / TRACKER_LENGTH));
  return Array.from({ length: Math.max(0, count) }, (_, index) => {
    const base = TRACKER_HEAD + index * TRACKER_LENGTH;
    const input = `input${index + 1}`;
    return [
      uint16(`${input}Current`, base + 9, 'A', 2),
      uint16(`${input}Voltage`, base + 10, 'V', 3),
      uint16(`${input}Power`, base + 11, 'W', 4),
      uint32(`${input}Energy`, base + 12, 'Wh', 5),
    ];
  }).flat();
}
