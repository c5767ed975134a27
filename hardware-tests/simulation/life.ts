import { EdgeError } from '#protocol/errors.js';
import { ACTIONS } from './actions/all.js';
import type { Action } from './actions/action.js';
import { calm } from './calm.js';
import { Checkers } from './checkers/all.js';
import { Letters } from './letters.js';
import { expand } from './options.js';
import type { LifeOptions, LifeWishes } from './options.js';
import { Scene } from './scene.js';
import { World } from './world.js';

/** What one life was, and what was seen in it. */
export interface LifeResult {
  readonly options: LifeOptions;
  readonly virtualMs: number;
  readonly turns: number;
  /** How often each action happened, and each trouble struck a message. */
  readonly faults: Readonly<Record<string, number>>;
  /** How often each thing was judged. */
  readonly checks: Readonly<Record<string, number>>;
  /** How long everybody took to agree when the troubles ceased. */
  readonly settledMs: number;
}

/**
 * One life from a seed: storms of faults and wishes in random order, checked after every turn, then
 * calm, and those who are well must agree. Throws with all that the seed expanded to and the last
 * events; the seed replays it.
 */
export async function runLife(
  seed: number,
  wishes: LifeWishes = {},
  verbose = false,
): Promise<LifeResult> {
  const options = expand(seed, wishes);
  const world = new World({ ...options, verbose });
  const checkers = new Checkers(world);
  const scene = new Scene(world, checkers, options);
  const faults: Record<string, number> = {};
  if (verbose) traceMessages(world);
  try {
    world.weather.reorders = options.faults.includes('reorder');
    world.start();
    await world.started();
    for (let storm = 0; storm < options.storms; storm++) await rage(scene, faults);
    world.trace.add('calm');
    const settledMs = await calm(scene);
    const { turns, clock, weather } = world;
    Object.assign(faults, weather.counts);
    const { counts } = checkers.checks;
    return { options, virtualMs: clock.now(), turns, faults, checks: counts, settledMs };
  } catch (thrown) {
    const { message } = EdgeError.from(thrown);
    const text = [
      `seed ${seed}: ${message}`,
      `options ${JSON.stringify(options)}`,
      ...world.trace.lines(),
    ];
    throw new EdgeError('EDGE_INTERNAL', text.join('\n'), {
      cause: thrown,
      hint: `Replay it: npm run simulate -- --replay ${seed}`,
    });
  }
}

/** Each message as it leaves, opened: for replays. */
function traceMessages({ weather, trace }: World): void {
  const letters = new Letters();
  weather.inspect = (flight) => {
    const message = letters.open(flight);
    const text = message === undefined ? 'goodbye' : JSON.stringify(message);
    trace.add(`  ${flight.node} ${flight.way} ${text.slice(0, 400)}`);
    return true;
  };
}

/** A quiet time, then some gateways have trouble at once. */
async function rage(scene: Scene, counts: Record<string, number>): Promise<void> {
  const { world, options, random } = scene;
  const { gateways } = world;
  for (const gateway of gateways) {
    gateway.plant.pace(options.quietCycleMs);
    // Somebody looks after most of what a storm has broken.
    if (random.unit() < 0.8) gateway.healDisk();
  }
  await world.pass((options.lengthMs / options.storms) * (0.5 + random.unit()));
  const share = random.unit();
  const struck = gateways.filter(() => random.unit() < share);
  scene.struck = struck.length > 0 ? struck : gateways.slice(0, 1);
  for (const { plant } of scene.struck) plant.pace();
  const actions = ACTIONS.filter(
    ({ fault }) => fault === undefined || options.faults.includes(fault),
  );
  const steps = Math.round(options.actionsPerStorm * Math.sqrt(scene.struck.length));
  for (let step = 0; step < steps; step++) {
    await world.pass(random.unit() ** 3 * 4000);
    const action = draw(actions, random.unit());
    const gateway = scene.one(scene.struck);
    if (action === undefined || gateway === undefined) continue;
    world.trace.add(`${action.name} ${gateway.name}`);
    counts[action.name] = (counts[action.name] ?? 0) + 1;
    await action.run(scene, gateway);
  }
}

function draw(actions: readonly Action[], unit: number): Action | undefined {
  let rest = unit * actions.reduce((total, { weight }) => total + weight, 0);
  return actions.find(({ weight }) => (rest -= weight) < 0);
}
