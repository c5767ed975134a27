import type { Disk } from '#journal/power-cut.js';
import type { Gateway } from '../gateway.js';
import { pick } from '../options.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

interface Backup {
  readonly disk: Disk;
  /** Of before a first answer: a hub that was emptied since cannot tell its lives from others. */
  readonly isUnmet: boolean;
}

const backups = new WeakMap<Gateway, Backup>();

/** Cards of gateways: copied, put back later, replaced by new ones. */
export const CARDS: readonly Action[] = [
  {
    name: 'backup',
    weight: 4,
    fault: 'restore-gateway',
    run: (_, gateway) => void backups.set(gateway, backupOf(gateway)),
  },
  { name: 'restore-gateway', weight: 3, fault: 'restore-gateway', run: restore },
  {
    name: 'new-card',
    weight: 1,
    fault: 'new-card',
    run: (scene, gateway) => comeBack(scene, gateway, undefined),
  },
];

function backupOf(gateway: Gateway): Backup {
  const { metIn = '' } = gateway.program?.meta.numbering('state') ?? {};
  return { disk: gateway.backup(), isUnmet: metIn === '' };
}

async function restore(scene: Scene, gateway: Gateway): Promise<void> {
  const backup = backups.get(gateway);
  if (backup !== undefined) await comeBack(scene, gateway, backup);
}

/** Often it counts on for a while before it meets the hub, past the numbers that the hub knows. */
async function comeBack(scene: Scene, gateway: Gateway, backup: Backup | undefined): Promise<void> {
  const { world, checkers } = scene;
  checkers.forget(gateway);
  if (backup?.isUnmet !== false) checkers.emptied(gateway);
  gateway.replaceDisk(backup?.disk);
  // What it holds may stay unread for long.
  if (scene.chance(0.2)) gateway.plant.pace(scene.options.quietCycleMs);
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
  if (scene.chance(0.4)) world.weather.breakAfter(gateway.node, 1 + pick(scene.random, 4));
}
