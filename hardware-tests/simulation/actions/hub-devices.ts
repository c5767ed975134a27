import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import { createValve, deleteValve, valveOf } from '../valve.js';
import type { Action } from './action.js';

const CYCLES = ['1s', '2s', '3s'];
/** The plant gives numbers: a reading of another type would be refused for ever. */
const FORMS = ['INT', 'FLOAT', 'DOUBLE'];

/** What people do with devices at the hub: create, change, replace, set, delete. */
export const HUB_DEVICES: readonly Action[] = [
  { name: 'create-device', weight: 2, fault: 'devices', run: create },
  {
    name: 'delete-device',
    weight: 1,
    fault: 'devices',
    run: ({ world }, gateway) => void deleteValve(world, gateway).catch(() => undefined),
  },
];

// Not awaited: the hub may die before it answers.
function create(scene: Scene, gateway: Gateway): void {
  const { world } = scene;
  const flow = scene.chance(0.5) ? { flow: scene.one(FORMS) ?? 'INT' } : {};
  const wish = { cycle: scene.one(CYCLES) ?? '1s', forms: flow };
  createValve(world, gateway, wish).catch(() => undefined);
  if (scene.chance(0.5)) return;
  const position = { device: valveOf(gateway), property: 'position', value: scene.newValue() };
  world.hub.program?.fleet.setDesired({ ...position, actor: 'operator:x' }).catch(() => undefined);
}
