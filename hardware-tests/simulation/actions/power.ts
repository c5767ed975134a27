import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

/** Who runs and who does not. */
export const POWER: readonly Action[] = [
  { name: 'start', weight: 9, run: start },
  { name: 'restart', weight: 1, run: restart },
  {
    name: 'crash-gateway',
    weight: 3,
    fault: 'crash-gateway',
    run: async (scene, gateway) => {
      await scene.worstMoment(gateway);
      gateway.crash();
    },
  },
  {
    name: 'kill-gateway',
    weight: 1,
    fault: 'crash-gateway',
    run: async (scene, gateway) => {
      await scene.worstMoment(gateway);
      gateway.kill();
      gateway.start();
    },
  },
  {
    name: 'crash-hub',
    weight: 2,
    fault: 'crash-hub',
    run: async (scene) => {
      const { hub } = scene.world;
      await scene.worstMoment(hub);
      hub.crash();
      if (scene.chance(0.5)) hub.start();
    },
  },
];

function start({ world, struck }: Scene): void {
  world.hub.start();
  for (const gateway of struck) gateway.start();
}

/** An update of the software, or a person. */
async function restart(scene: Scene, gateway: Gateway): Promise<void> {
  const station = scene.chance(0.3) ? scene.world.hub : gateway;
  let stopped = false;
  void station.stop().finally(() => (stopped = true));
  // A program that cannot stop is killed, as a supervisor does.
  if (!(await scene.world.until(() => stopped, 30_000))) station.kill();
  station.start();
}
