import type { BusOutcome } from '../modbus/job.js';
import type { Span } from '../modbus/plan.js';
import { pointsOf, type SunSpecPoint } from './sunspec-models.js';

/** Reads holding registers of the device in question. */
export type ReadWords = (span: Omit<Span, 'kind'>) => Promise<BusOutcome>;

export interface SunSpecModel {
  readonly id: number;
  /** Address of the model's identifier, and registers behind its two head registers. */
  readonly offset: number;
  readonly length: number;
}

/** Where the marker may stand, and the marker: "SunS". */
const BASES = [40_000, 50_000, 0];
const MARKER = [0x5375, 0x6e53];
const END = 0xffff;
const MODELS_MAX = 64;

/** The chain of models of a device; undefined when it has none. A broken chain ends where it breaks. */
export async function walkSunSpec(read: ReadWords): Promise<readonly SunSpecModel[] | undefined> {
  for (const base of BASES) {
    const marker = await read({ offset: base, count: 2 });
    if (marker.kind !== 'data' || !MARKER.every((word, at) => marker.words[at] === word)) continue;
    const models: SunSpecModel[] = [];
    let offset = base + 2;
    while (models.length < MODELS_MAX && offset + 2 <= END) {
      const head = await read({ offset, count: 2 });
      const [id, length] = head.kind === 'data' ? head.words : [];
      if (id === undefined || length === undefined || id === END || length === 0) break;
      models.push({ id, offset, length });
      offset += 2 + length;
    }
    return models;
  }
  return undefined;
}

/** A KubeEdge DeviceModel with a property for each point of the known models, as plain data. */
export function sunSpecTemplate(
  name: string,
  models: readonly SunSpecModel[],
  protocolConfigData: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const used = new Map<string, number>();
  const properties = models.flatMap(({ id, offset, length }) =>
    pointsOf(id, length).map((point) => {
      const count = (used.get(point.name) ?? 0) + 1;
      used.set(point.name, count);
      const unique = count === 1 ? point.name : `${point.name}${id}${count > 2 ? `-${count}` : ''}`;
      return propertyOf(unique, point, offset);
    }),
  );
  return {
    apiVersion: 'devices.kubeedge.io/v1beta1',
    kind: 'DeviceModel',
    metadata: {
      name,
      annotations: { source: 'SunSpec discovery of the device itself', verified: 'live' },
    },
    spec: { protocol: 'modbus', protocolConfigData, properties },
  };
}

/** What a register says when the point is not implemented. */
const ABSENT: Readonly<Record<string, number>> = {
  int16: -0x8000,
  uint16: 0xffff,
  uint32: 0xffff_ffff,
};

function propertyOf(name: string, point: SunSpecPoint, base: number): Record<string, unknown> {
  const { type, unit, scale, length, names } = point;
  const absent = ABSENT[type];
  const isText = type === 'string' || names !== undefined;
  return {
    name,
    type: isText ? 'STRING' : 'DOUBLE',
    accessMode: 'ReadOnly',
    ...(unit === undefined ? {} : { unit }),
    visitors: {
      protocolName: 'modbus',
      configData: {
        register: 'HoldingRegister',
        offset: base + point.offset,
        dataType: type,
        ...(length === undefined ? {} : { limit: length }),
        ...(scale === undefined ? {} : { exponentAt: base + scale }),
        ...(absent === undefined ? {} : { invalid: [absent] }),
        ...(names === undefined ? {} : { enum: names }),
      },
    },
  };
}
