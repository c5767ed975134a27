/**
 * Points of SunSpec information models, from the published tables (sunspec/models, Apache-2.0).
 * Offsets count from the model's identifier. Models of one group have one name for one thing.
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
  float32('currentA', 4, 'A'),
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
const FLOAT_INVERTER_PHASES = [
  float32('currentB', 6, 'A'),
  float32('currentC', 8, 'A'),
  float32('voltageB', 18, 'V'),
  float32('voltageC', 20, 'V'),
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

const FLOAT_METER = [
  float32('current', 2, 'A'),
  float32('currentA', 4, 'A'),
  float32('voltage', 10, 'V'),
  float32('voltageA', 12, 'V'),
  float32('frequency', 26, 'Hz'),
  float32('power', 28, 'W'),
  float32('powerA', 30, 'W'),
  float32('apparentPower', 36, 'VA'),
  float32('reactivePower', 44, 'var'),
  float32('powerFactor', 52, '%'),
  float32('energyExported', 60, 'Wh'),
  float32('energyImported', 68, 'Wh'),
];
const FLOAT_METER_PHASES = [
  float32('currentB', 6, 'A'),
  float32('currentC', 8, 'A'),
  float32('voltageB', 14, 'V'),
  float32('voltageC', 16, 'V'),
  float32('powerB', 32, 'W'),
  float32('powerC', 34, 'W'),
];

const CHARGE_STATES = {
  1: 'off',
  2: 'empty',
  3: 'discharging',
  4: 'charging',
  5: 'full',
  6: 'holding',
  7: 'testing',
};
const BATTERY_STATES = {
  1: 'disconnected',
  2: 'initializing',
  3: 'connected',
  4: 'standby',
  5: 'protecting its charge',
  6: 'suspending',
  99: 'fault',
};
const named = (name: string, offset: number, names: Record<number, string>): SunSpecPoint => ({
  ...{ name, offset, type: 'uint16', names },
});

const STORAGE = [
  uint16('charge', 8, '%', 22),
  uint16('voltage', 10, 'V', 24),
  named('chargeState', 11, CHARGE_STATES),
];
const DER_STORAGE = [
  uint16('energyCapacity', 2, 'Wh', 7),
  uint16('energyAvailable', 3, 'Wh', 7),
  uint16('charge', 4, '%', 8),
  uint16('health', 5, '%', 8),
];
const BATTERY = [
  uint16('chargeCapacity', 2, 'Ah', 52),
  uint16('energyCapacity', 3, 'Wh', 53),
  uint16('charge', 11, '%', 56),
  uint16('health', 13, '%', 58),
  uint32('cycles', 14, '1'),
  named('chargeState', 16, CHARGE_STATES),
  named('state', 22, BATTERY_STATES),
  uint16('voltage', 34, 'V', 59),
  uint16('cellVoltageMax', 37, 'V', 60),
  uint16('cellVoltageMin', 40, 'V', 60),
  int16('current', 44, 'A', 61),
  int16('power', 47, 'W', 63),
];
const LITHIUM_ION = [
  uint16('strings', 2, '1'),
  uint16('stringsConnected', 3, '1'),
  int16('temperatureMax', 4, 'Cel', 23),
  int16('temperatureMin', 7, 'Cel', 23),
  int16('temperature', 10, 'Cel', 23),
];

/** Inputs of a multiple tracker: a fixed part of 10 registers, then 20 for each. */
const TRACKER_MODEL = 160;
const TRACKER_HEAD = 10;
const TRACKER_LENGTH = 20;
const TRACKERS_MAX = 20;

interface KnownModel {
  readonly name: string;
  readonly group: SunSpecGroup;
  readonly points: readonly SunSpecPoint[];
}

/** What a device file may name as `point: GROUP.NAME`. */
export const SUNSPEC_GROUPS = ['common', 'inverter', 'trackers', 'meter', 'battery'] as const;
export type SunSpecGroup = (typeof SUNSPEC_GROUPS)[number];

const inverter = (name: string, ...points: readonly (readonly SunSpecPoint[])[]): KnownModel => ({
  ...{ name: `inverter, ${name}`, group: 'inverter', points: points.flat() },
});
const meter = (name: string, ...points: readonly (readonly SunSpecPoint[])[]): KnownModel => ({
  ...{ name: `meter, ${name}`, group: 'meter', points: points.flat() },
});

/** By identifier; the points of model 160 are as many as it has inputs. */
export const SUNSPEC_MODELS: ReadonlyMap<number, KnownModel> = new Map([
  [1, { name: 'common', group: 'common', points: COMMON }],
  [101, inverter('single phase', INVERTER)],
  [102, inverter('split phase', INVERTER, OTHER_PHASES)],
  [103, inverter('three phases', INVERTER, OTHER_PHASES)],
  [111, inverter('single phase, float', FLOAT_INVERTER)],
  [112, inverter('split phase, float', FLOAT_INVERTER, FLOAT_INVERTER_PHASES)],
  [113, inverter('three phases, float', FLOAT_INVERTER, FLOAT_INVERTER_PHASES)],
  [124, { name: 'storage', group: 'battery', points: STORAGE }],
  [160, { name: 'multiple power point tracker', group: 'trackers', points: [] }],
  [201, meter('single phase', METER)],
  [202, meter('split phase', METER, METER_PHASES)],
  [203, meter('three phases, star', METER, METER_PHASES)],
  [204, meter('three phases, delta', METER, METER_PHASES)],
  [211, meter('single phase, float', FLOAT_METER)],
  [212, meter('split phase, float', FLOAT_METER, FLOAT_METER_PHASES)],
  [213, meter('three phases, star, float', FLOAT_METER, FLOAT_METER_PHASES)],
  [214, meter('three phases, delta, float', FLOAT_METER, FLOAT_METER_PHASES)],
  [713, { name: 'storage capacity', group: 'battery', points: DER_STORAGE }],
  [802, { name: 'battery', group: 'battery', points: BATTERY }],
  [803, { name: 'battery, lithium-ion bank', group: 'battery', points: LITHIUM_ION }],
] satisfies readonly (readonly [number, KnownModel])[]);

/** The points of a model of this length; none of a model that is not in the tables. */
export function pointsOf(model: number, length: number): readonly SunSpecPoint[] {
  if (model !== TRACKER_MODEL) return SUNSPEC_MODELS.get(model)?.points ?? [];
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

/** Names that a group has in any of its models. */
export function namesIn(group: SunSpecGroup): readonly string[] {
  const all = [...SUNSPEC_MODELS].flatMap(([id, model]) =>
    model.group === group ? pointsOf(id, TRACKER_HEAD + TRACKERS_MAX * TRACKER_LENGTH) : [],
  );
  return [...new Set(all.map(({ name }) => name))];
}
