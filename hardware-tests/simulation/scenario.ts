import type { Disk } from '#journal/power-cut.js';
import { EdgeError } from '#protocol/errors.js';
import { Checkers } from './checkers.js';
import { FAN, TANK, World } from './world.js';

export interface ScenarioOptions {
  readonly steps: number;
  /** Gateways come back on the storage of an older day. */
  readonly restores?: boolean;
}

export interface ScenarioResult {
  readonly seed: number;
  readonly virtualMs: number;
  readonly trace: readonly string[];
  readonly seen: Checkers['seen'];
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * One life from a seed: faults and wishes in random order, checked after every turn, then peace,
 * and both ends must agree. Throws with the seed and the last actions: the seed replays it.
 */
export async function runScenario(seed: number, options: ScenarioOptions): Promise<ScenarioResult> {
  const world = new World(seed);
  const checkers = new Checkers(world);
  const trace: string[] = [];
  const actor = new Actor(world, checkers, options);
  try {
    await world.startHub();
    await world.startGateway();
    for (let step = 0; step < options.steps; step++) {
      await world.pass(world.random.unit() ** 3 * 4000);
      const action = await actor.act();
      trace.push(`${Math.round(world.clock.now())} ${action}`);
    }
    await actor.calmDown();
    trace.push(`${Math.round(world.clock.now())} calm`);
    await world.pass(150_000);
    world.plant.resting = true;
    await world.pass(20_000);
    checkers.atRest();
  } catch (error) {
    const { message } = EdgeError.from(error);
    throw new EdgeError(
      'EDGE_INTERNAL',
      `seed ${seed}: ${message}\n${trace.slice(-40).join('\n')}`,
      {
        cause: error,
      },
    );
  }
  const { counts } = actor;
  return { seed, virtualMs: world.clock.now(), trace, seen: checkers.seen, counts };
}

type Action = () => Promise<void> | void;

class Actor {
  readonly counts: Record<string, number> = {};
  #world: World;
  #checkers: Checkers;
  #actions: readonly { readonly name: string; readonly weight: number; readonly run: Action }[];
  #backup: Disk | undefined;
  #value = 0;

  constructor(world: World, checkers: Checkers, { restores = false }: ScenarioOptions) {
    this.#world = world;
    this.#checkers = checkers;
    this.#actions = [
      { name: 'desire', weight: 18, run: () => this.#desire() },
      { name: 'local', weight: 6, run: () => this.#local() },
      { name: 'knob', weight: 2, run: () => this.#turnKnob() },
      { name: 'cut', weight: 3, run: () => world.network.cut() },
      { name: 'mend', weight: 9, run: () => world.network.mend() },
      { name: 'crash-gateway', weight: 3, run: () => this.#crashGateway() },
      { name: 'crash-hub', weight: 2, run: () => world.crashHub() },
      { name: 'start', weight: 10, run: () => this.#start() },
      { name: 'gateway-disk', weight: 1, run: () => this.#fail(world.gateway?.storage) },
      { name: 'hub-disk', weight: 1, run: () => this.#fail(world.hub?.storage) },
      { name: 'heal', weight: 3, run: () => this.#heal() },
      { name: 'away', weight: 2, run: () => world.plant.toggle() },
      { name: 'devices', weight: 1, run: () => this.#changeDevices() },
      { name: 'wait', weight: 3, run: () => world.pass(world.random.unit() * 60_000) },
      ...(restores
        ? [
            { name: 'backup', weight: 3, run: () => this.#takeBackup() },
            { name: 'restore', weight: 2, run: () => this.#restore() },
          ]
        : []),
    ];
  }

  async act(): Promise<string> {
    const sum = this.#actions.reduce((total, { weight }) => total + weight, 0);
    let drawn = this.#world.random.unit() * sum;
    const action = this.#actions.find(({ weight }) => (drawn -= weight) < 0);
    if (action === undefined) return 'nothing';
    this.counts[action.name] = (this.counts[action.name] ?? 0) + 1;
    await action.run();
    return action.name;
  }

  async calmDown(): Promise<void> {
    const world = this.#world;
    world.network.mend();
    this.#heal();
    world.plant.away = false;
    await this.#start();
    if (world.devices.length < 2) await this.#changeDevices();
  }

  /** Half of the time while something is on its way to the disk: the worst moment. */
  async #crashGateway(): Promise<void> {
    const world = this.#world;
    const waits = world.random.unit() < 0.5 ? 2000 : 0;
    const end = world.clock.now() + waits;
    while (world.clock.now() < end && !world.isSyncing) await world.pass(1);
    world.crashGateway();
  }

  async #start(): Promise<void> {
    if (this.#world.hub === undefined) await this.#world.startHub();
    if (this.#world.gateway === undefined) await this.#world.startGateway();
  }

  async #desire(): Promise<void> {
    const [device, property] = this.#writable();
    const value = this.#newValue();
    const wish = this.#world.hub?.fleet.setDesired({
      device,
      property,
      value,
      actor: 'operator:x',
    });
    // Not awaited: the hub may die before it answers.
    wish?.catch(() => undefined);
  }

  async #local(): Promise<void> {
    const [device, property] = this.#writable();
    const value = this.#newValue();
    const write = this.#world.gateway?.twins.writeLocal({ device, property, value, actor: 'cli' });
    write?.catch(() => undefined);
  }

  #turnKnob(): void {
    const [device, property] = this.#writable();
    const register = this.#world.plant.register(`${device}/${property}`);
    register.value = this.#newValue();
    register.drifted = true;
  }

  /** Small numbers, so that values are equal by accident; -1 is refused by the device. */
  #newValue(): number {
    return this.#world.random.unit() < 0.05 ? -1 : ++this.#value % 5;
  }

  #writable(): [string, string] {
    return this.#world.random.unit() < 0.7 ? [TANK.id, 'level'] : [FAN.id, 'speed'];
  }

  #fail(storage: NonNullable<World['gateway']>['storage'] | undefined): void {
    const { random } = this.#world;
    const fault = random.unit() < 0.5 ? 'ENOSPC' : 'EIO';
    storage?.fail({ nth: 1 + Math.floor(random.unit() * 5), fault, sticky: random.unit() < 0.7 });
  }

  #heal(): void {
    this.#world.gateway?.storage.heal();
    this.#world.hub?.storage.heal();
  }

  async #changeDevices(): Promise<void> {
    const world = this.#world;
    const removes = world.devices.length === 2;
    world.devices = removes ? [TANK] : [TANK, FAN];
    if (removes) this.#checkers.forget(FAN.id);
    // As a person does it: edit the file, restart the gateway.
    if (world.gateway === undefined) return;
    world.crashGateway();
    await world.startGateway();
  }

  #takeBackup(): void {
    this.#backup = this.#world.backupGateway() ?? this.#backup;
  }

  /** Often it counts on for a while before it meets the hub, past the numbers the hub knows. */
  async #restore(): Promise<void> {
    if (this.#backup === undefined) return;
    const world = this.#world;
    this.#checkers.forget();
    world.restoreGateway(this.#backup);
    if (world.random.unit() < 0.5) return;
    world.network.cut();
    await this.#start();
    await world.pass(world.random.unit() * 60_000);
    world.network.mend();
  }
}
