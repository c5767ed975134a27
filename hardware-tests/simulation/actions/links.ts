import type { Gateway } from '../gateway.js';
import { pick } from '../options.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

const HOUR_MS = 3_600_000;

/** What happens to cables and radio waves. */
export const LINKS: readonly Action[] = [
  { name: 'mend', weight: 9, run: ({ world }, { node }) => world.weather.open(node) },
  {
    name: 'cut',
    weight: 3,
    fault: 'cut',
    run: ({ world }, { node }) => world.weather.block(node, 'up', 'down'),
  },
  { name: 'break', weight: 3, fault: 'cut', run: breakSession },
  {
    name: 'partition',
    weight: 3,
    fault: 'partition',
    run: (scene, { node }) => scene.world.weather.block(node, scene.chance(0.5) ? 'up' : 'down'),
  },
  {
    name: 'burst',
    weight: 3,
    fault: 'burst',
    run: (scene, { node }) => scene.world.weather.burst(node, scene.random.unit() * 20_000),
  },
  { name: 'blackout', weight: 1, fault: 'blackout', run: blackout },
];

/** The link breaks a few messages from now, or a few messages into the next session. */
function breakSession(scene: Scene, { node }: Gateway): void {
  const { weather } = scene.world;
  if (scene.chance(0.5)) for (const { accepted } of weather.network.linksOf(node)) accepted.sever();
  weather.breakAfter(node, 1 + pick(scene.random, 6));
}

/** Hours without a link; little happens meanwhile, or a day would cost as much as a storm. */
async function blackout(scene: Scene, gateway: Gateway): Promise<void> {
  const { weather } = scene.world;
  const away = scene.chance(0.3) ? scene.struck : [gateway];
  for (const { node } of away) weather.block(node, 'up', 'down');
  await scene.wait((0.5 + scene.random.unit() ** 2 * 5) * HOUR_MS);
  for (const { node } of away) weather.open(node);
}
