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

/** Also nodes that a restored hub keeps out again, because of a copy that was found long ago. */
export function letIn({ world }: Scene): void {
  const fleet = world.hub.program?.fleet;
  for (const node of world.cloned) {
    const isOut = fleet?.node(node)?.alarms.some(({ code }) => code === 'EDGE_QUARANTINED');
    if (isOut === true) fleet?.clearAlarm(node, 'EDGE_QUARANTINED').catch(() => undefined);
  }
}
