import { visitorOf, type SunSpecModel } from '../modbus/sunspec.js';
import { modelDocument } from './model-document.js';
import { pointsOf, type SunSpecPoint } from '../modbus/sunspec-models.js';

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
  const source = 'SunSpec discovery of the device itself';
  const spec = { protocol: 'modbus', protocolConfigData, properties };
  return modelDocument(name, { source, verified: 'live' }, spec);
}

function propertyOf(name: string, point: SunSpecPoint, base: number): Record<string, unknown> {
  const { type, unit, names } = point;
  return {
    name,
    type: type === 'string' || names !== undefined ? 'STRING' : 'DOUBLE',
    accessMode: 'ReadOnly',
    ...(unit === undefined ? {} : { unit }),
    visitors: { protocolName: 'modbus', configData: visitorOf(point, base) },
  };
}
