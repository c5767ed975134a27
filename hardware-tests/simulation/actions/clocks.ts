import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

const DAY_MS = 86_400_000;

/** P9: what the wall clock says decides nothing. */
export const CLOCKS: readonly Action[] = [{ name: 'clock', weight: 3, fault: 'clock', run: jump }];

function jump(scene: Scene, gateway: Gateway): void {
  const station = scene.chance(0.4) ? scene.world.hub : gateway;
  const drawn = scene.random.unit();
  const by = (scene.random.unit() - 0.5) * 2000 * DAY_MS;
  // A gateway without a battery starts in 1970; hours appear and vanish when people set clocks.
  if (drawn < 0.3) station.jumpWall(-station.wallTime);
  else station.jumpWall(drawn < 0.7 ? by : by / 1000);
}
