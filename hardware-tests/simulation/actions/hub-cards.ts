import type { Disk } from '#journal/power-cut.js';
import type { Scene } from '../scene.js';
import type { World } from '../world.js';
import type { Action } from './action.js';

const backups = new WeakMap<World, Disk>();

/** The hub's disk: copied, put back later, replaced by an empty one. */
export const HUB_CARDS: readonly Action[] = [
  {
    name: 'backup-hub',
    weight: 3,
    fault: 'restore-hub',
    run: ({ world }) => void backups.set(world, world.hub.backup()),
  },
  {
    name: 'restore-hub',
    weight: 2,
    fault: 'restore-hub',
    run: (scene) => {
      const backup = backups.get(scene.world);
      if (backup !== undefined) comeBack(scene, backup);
    },
  },
  {
    name: 'empty-hub',
    weight: 1,
    fault: 'empty-hub',
    run: (scene) => comeBack(scene, undefined),
  },
];

function comeBack({ world, checkers }: Scene, disk: Disk | undefined): void {
  checkers.forgetHub();
  world.hub.replaceDisk(disk);
  world.hub.start();
}
