import type { Gateway } from '../gateway.js';
import { pick } from '../options.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

/** P4: orders that must not be carried out twice, nor after their time. */
export const COMMANDS: readonly Action[] = [{ name: 'command', weight: 7, run: command }];

const TTLS_MS = [1000, 5000, 30_000, 120_000];

function command(scene: Scene, gateway: Gateway): void {
  const { device, property } = scene.writable(gateway);
  const writes = scene.chance(0.5);
  const desk = scene.world.hub.program?.commands;
  // Not awaited: the hub may die before it answers.
  desk
    ?.run({
      device,
      method: writes ? 'set' : 'pulse',
      args: writes ? { [property]: scene.newValue() } : null,
      ttlMs: TTLS_MS[pick(scene.random, TTLS_MS.length)] ?? 1000,
      actor: 'operator:x',
    })
    .catch(() => undefined);
}
