import { endClones, letIn } from './actions/clones.js';
import { isUnsent } from '#runtime/devicetwin/twin-rows.js';
import { breachError } from './checkers/checker.js';
import { propertiesOf } from './checkers/rows.js';
import type { Gateway } from './gateway.js';
import { pick } from './options.js';
import type { Scene } from './scene.js';

/** A gateway that was told to keep away may do so for hours; then it has to be back. */
const CONNECTED_WITHIN_MS = 8 * 3_600_000;
/** From then on: rounds of digests are ten minutes apart. */
const AGREED_WITHIN_MS = 45 * 60_000;
/** A session that lacks an answer is given up and begun anew. */
const ANSWERED_WITHIN_MS = 20 * 60_000;
const LIVELY_MS = 15_000;
/** All that dead processes and copies have sent has arrived by then, or never will. */
const ARRIVED_MS = 15_000;
const STEP_MS = 5_000;
/** And then nothing changes any more. */
const STAYS_MS = 60_000;

/**
 * Faults cease for the hub and for those who are to be well; they must agree with it in the end,
 * whatever the others do. Returns how long they took.
 */
export async function calm(scene: Scene): Promise<number> {
  const { world } = scene;
  const { hub, weather } = world;
  const well = chooseWell(scene);
  weather.isRough = well.length < world.gateways.length;
  endClones(scene);
  hub.healDisk();
  hub.start();
  for (const gateway of well) heal(scene, gateway);
  await world.started();
  letIn(scene);
  // Whoever was told to keep away is idle until then.
  for (const { plant } of well) plant.pace(scene.options.quietCycleMs);
  // A READY of a copy may still be on its way, and sends the gateway away for long.
  await world.pass(ARRIVED_MS);
  // A disk that was only just healed may have refused it: a person tries again.
  letIn(scene);
  const connected = await world.until(() => well.every(isLive), CONNECTED_WITHIN_MS);
  if (connected) await beAnswered(scene, well);
  const startMs = world.clock.now();
  for (const { plant } of well) plant.pace();
  if (connected) await world.pass(LIVELY_MS);
  for (const { plant } of well) plant.pace(Infinity);
  await agree(scene, well);
  const settledMs = world.clock.now() - startMs;
  await world.pass(STAYS_MS);
  // A session may just be given up, for an answer that the storm has lost: it comes again.
  await agree(scene, well);
  return settledMs;
}

/** P1: also a row that nothing newer replaces is acknowledged, on a link that is well. */
async function beAnswered({ world }: Scene, well: readonly Gateway[]): Promise<void> {
  for (const { plant } of well) plant.pace(Infinity);
  const owed = (): { gateway: string; key: string }[] =>
    well.flatMap(({ program, name, devices }) =>
      propertiesOf(devices).flatMap(({ key, device, property }) =>
        program !== undefined && isUnsent(program.meta, device, property)
          ? [{ gateway: name, key }]
          : [],
      ),
    );
  if (await world.until(() => owed().length === 0, ANSWERED_WITHIN_MS)) return;
  throw breachError({ name: 'P1 no answer', where: 'rows', facts: owed() }, world);
}

async function agree(scene: Scene, well: readonly Gateway[]): Promise<void> {
  const { world, checkers } = scene;
  const end = world.clock.now() + AGREED_WITHIN_MS;
  while (world.clock.now() < end) {
    await world.pass(STEP_MS);
    if (checkers.disagreement(well) === undefined) return;
  }
  expectAgreement(scene, well);
}

function expectAgreement({ checkers, world }: Scene, well: readonly Gateway[]): void {
  const breach = checkers.disagreement(well);
  if (breach !== undefined) throw breachError(breach, world);
}

/** Everybody in safety mode; in liveness mode some, and the others stay in trouble for ever. */
function chooseWell(scene: Scene): readonly Gateway[] {
  const { world, options, random } = scene;
  const { gateways } = world;
  if (options.mode === 'safety') return gateways;
  const first = pick(random, gateways.length);
  const well = gateways.filter((_, index) => index === first || scene.chance(0.4));
  for (const gateway of gateways) if (!well.includes(gateway)) leaveInTrouble(scene, gateway);
  return well;
}

function leaveInTrouble(scene: Scene, gateway: Gateway): void {
  const { weather } = scene.world;
  switch (pick(scene.random, 4)) {
    case 0:
      gateway.crash();
      break;
    case 1:
      weather.block(gateway.node, scene.chance(0.5) ? 'up' : 'down');
      break;
    case 2:
      gateway.failDisk({ nth: 1, fault: 'EIO', sticky: true });
      break;
    default:
      // It goes on reporting.
      gateway.start();
  }
}

function heal(scene: Scene, gateway: Gateway): void {
  scene.world.weather.calm(gateway.node);
  gateway.healDisk();
  gateway.plant.away = false;
  const changed = gateway.devices.length < gateway.plant.devices.length;
  gateway.devices = gateway.plant.devices;
  if (changed) gateway.crash();
  gateway.start();
}

function isLive({ program }: Gateway): boolean {
  return program?.edgeHub.isLive === true;
}
