import test, { type ExecutionContext } from 'ava';
import type { Device } from '#protocol/device.js';
import { readSettings } from '#mappers/modbus/config.js';
import { findPoint } from '#mappers/modbus/sunspec-point.js';
import { visitorOf, walkSunSpec } from '#mappers/modbus/sunspec.js';
import { loadTemplate, templateNames } from '#mappers/templates/library.js';
import { planBuses } from '#mappers/tools/plan.js';
import { at } from '#mappers/tools/slave.js';
import { sunSpecHoldings } from '#mappers/tools/sunspec-slave.js';
import { deviceOf } from '../board/simulated-board.js';

/** Of a line's time: writes, slow slaves and a second attempt need the rest. */
const LOAD_MAX = 0.7;

const texts = await Promise.all(
  (await templateNames()).map(async (name) => [name, (await loadTemplate(name)) ?? ''] as const),
);
const OF_LINES = texts
  .filter(([, text]) => text.includes('protocol: modbus') && !text.includes('transport: tcp'))
  .map(([name]) => name);

async function onLine(t: ExecutionContext, template: string, unit: number): Promise<Device> {
  const device = await deviceOf(t, { template, port: '/dev/ttyX', unit });
  return { ...(await withRegisters(device)), id: `default/${template}-${unit}` };
}

/** A SunSpec device with the places that its chain of models gives its points. */
async function withRegisters(device: Device): Promise<Device> {
  const { settings } = readSettings(device);
  const points = settings?.points ?? new Map<string, never>();
  if (points.size === 0) return device;
  const holdings = sunSpecHoldings(points.values());
  const walked = await walkSunSpec(({ offset, count }) => {
    const words = Array.from(
      { length: count },
      (_, index) => holdings.get(at('holding', offset + index)) ?? 0,
    );
    return Promise.resolve({ kind: 'data', words });
  });
  const models = walked.kind === 'chain' ? walked.models : [];
  const properties = device.properties.map((property) => {
    const point = points.get(property.name);
    const found = point === undefined ? undefined : findPoint(point, models);
    if (found === undefined) throw new TypeError(`no place of ${property.name}`);
    const configData = visitorOf(found.point, found.base);
    return { ...property, visitor: { protocolName: 'modbus', configData } };
  });
  return { ...device, properties };
}

test('there are templates for lines, SunSpec among them', (t) => {
  t.true(OF_LINES.length >= 18);
  t.is(OF_LINES.filter((name) => name.startsWith('sunspec-')).length, 6);
});

for (const template of OF_LINES)
  test(`two of template ${template} leave time on a line at its speed`, async (t) => {
    const devices = [await onLine(t, template, 1), await onLine(t, template, 2)];
    const [plan, ...more] = planBuses(devices);
    t.deepEqual(more, []);
    const planned = new Set(plan?.requests.flatMap(({ properties }) => properties));
    t.deepEqual([...planned].sort(), devices[0]?.properties.map(({ name }) => name).sort());
    const load = plan?.load ?? 0;
    t.true(load > 0 && load < LOAD_MAX, `${(load * 100).toFixed(1)} %`);
  });

test('what changes slowly is read seldom, and no oftener than the rest of its device', async (t) => {
  const cyclesOf = async (cycle: object): Promise<readonly (number | undefined)[]> => {
    const device = await deviceOf(t, { template: 'sdm120', port: '/dev/ttyX', ...cycle });
    return ['voltage', 'totalEnergy'].map(
      (name) => device.properties.find((one) => one.name === name)?.collectCycleMs,
    );
  };
  t.deepEqual(await cyclesOf({}), [2_000, 10_000]);
  t.deepEqual(await cyclesOf({ cycle: 500 }), [500, 10_000]);
  t.deepEqual(await cyclesOf({ cycle: '1m' }), [60_000, 60_000]);
});
