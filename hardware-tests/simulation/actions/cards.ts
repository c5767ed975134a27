import type { Disk } from '#journal/power-cut.js';
import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

const backups = new WeakMap<Gateway, Disk>();

/** Cards of gateways: copied, put back later, replaced by new ones. */
export const CARDS: readonly Action[] = [
  {
    name: 'backup',
    weight: 4,
    fault: 'restore-gateway',
    run: (_, gateway) => void backups.set(gateway, gateway.backup()),
  },
  { name: 'restore-gateway', weight: 3, fault: 'restore-gateway', run: restore },
  {
    name: 'new-card',
    weight: 1,
    fault: 'new-card',
    run: (scene, gateway) => comeBack(scene, gateway, undefined),
  },
];

async function restore(scene: Scene, gateway: Gateway): Promise<void> {
  const backup = backups.get(gateway);
  if (backup !== undefined) await comeBack(scene, gateway, backup);
}

/** Often it counts on for a while before it meets the hub, past the numbers that the hub knows. */
async function comeBack(scene: Scene, gateway: Gateway, disk: Disk | undefined): Promise<void> {
  const { world, checkers } = scene;
  checkers.forget(gateway);
  gateway.replaceDisk(disk);
  if (scene.chance(0.4)) return;
  world.weather.block(gateway.node, 'up', 'down');
  gateway.start();
  await scene.wait(scene.random.unit() * 60_000, gateway);
  if (scene.chance(0.3)) {
    gateway.crash();
    gateway.start();
    await scene.wait(scene.random.unit() * 30_000, gateway);
  }
  world.weather.open(gateway.node);
}
