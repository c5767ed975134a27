import type { StorageFault } from '#journal/memory-storage.js';
import type { Gateway } from '../gateway.js';
import { pick } from '../options.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

/** What cards and disks do, at either end. */
export const DISKS: readonly Action[] = [
  {
    name: 'heal',
    weight: 4,
    run: ({ world }, gateway) => [gateway, world.hub].forEach((station) => station.healDisk()),
  },
  {
    name: 'full-disk',
    weight: 2,
    fault: 'full-disk',
    run: (scene, gateway) => fail(scene, gateway, 'ENOSPC'),
  },
  {
    name: 'failing-sync',
    weight: 2,
    fault: 'failing-sync',
    run: (scene, gateway) => fail(scene, gateway, 'EIO'),
  },
  {
    name: 'read-only',
    weight: 1,
    fault: 'read-only',
    run: (scene, gateway) => fail(scene, gateway, 'EROFS'),
  },
];

function fail(scene: Scene, gateway: Gateway, fault: StorageFault): void {
  const station = scene.chance(0.35) ? scene.world.hub : gateway;
  const sticky = fault === 'EROFS' || scene.chance(0.7);
  station.failDisk({
    fault,
    sticky,
    nth: 1 + pick(scene.random, 5),
    // A full disk refuses what grows; a preallocated journal goes on, or not.
    ...(fault === 'ENOSPC' && scene.chance(0.5) ? { growth: true } : {}),
    ...(fault === 'EIO' && scene.chance(0.7) ? { actions: ['sync'] } : {}),
  });
}
