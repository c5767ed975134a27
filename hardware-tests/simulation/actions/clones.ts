import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

/** Copied cards: two gateways with one identity. */
export const CLONES: readonly Action[] = [
  { name: 'clone', weight: 1, fault: 'clone', run: clone },
  {
    name: 'unclone',
    weight: 2,
    fault: 'clone',
    run: (scene) => endClones(scene),
  },
];

function clone({ world }: Scene, gateway: Gateway): void {
  if ([...world.clones].some(({ node }) => node === gateway.node)) return;
  world.clone(gateway).start();
}

/** A person finds the copies, switches them off, and lets their nodes in again. */
export function endClones(scene: Scene): void {
  const { world, checkers } = scene;
  for (const copy of [...world.clones]) {
    copy.crash();
    world.clones.delete(copy);
    const original = world.gateways.find(({ node }) => node === copy.node);
    if (original !== undefined) checkers.forget(original);
  }
  letIn(scene);
}

/**
 * Those who are not out yet too, so that earlier returns do not count, and those that a restored hub
 * keeps out again, because of a copy that was found long ago.
 */
export function letIn({ world }: Scene): void {
  for (const node of world.cloned)
    world.hub.program?.fleet.clearAlarm(node, 'EDGE_QUARANTINED').catch(() => undefined);
}
