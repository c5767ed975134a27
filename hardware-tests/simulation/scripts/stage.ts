import type { DesiredRecord } from '#cloud/store/tables.js';
import type { HubPropertyView } from '#cloud/fleet.js';
import { EdgeError } from '#protocol/errors.js';
import type { Reported, Value } from '#protocol/twin.js';
import type { LocalWrites, ReportedRow } from '#runtime/metamanager/tables.js';
import { breachError } from '../checkers/checker.js';
import { Checkers } from '../checkers/all.js';
import { HubRows } from '../checkers/rows.js';
import type { Gateway, GatewayProgram } from '../gateway.js';
import type { HubProgram } from '../hub.js';
import { SMALL_SIZES } from '../station.js';
import { World } from '../world.js';
import type { WorldOptions } from '../world.js';
import { Post } from './post.js';

const PATIENCE_MS = 10 * 60_000;

/** The properties that scripts speak of: two of one device, one of another. */
export type Prop = 'level' | 'temperature' | 'speed';

/**
 * A world for one script: all checkers watch, sensors are read only when the script says so, and
 * messages are in its hands. Nothing else goes wrong by itself.
 */
export class Stage {
  readonly world: World;
  readonly checkers: Checkers;
  readonly post: Post;

  constructor(world: World) {
    this.world = world;
    this.checkers = new Checkers(world);
    this.post = new Post(world.weather);
  }

  /** Hub and gateways run, are connected and quiet. */
  static async open({
    gateways = 1,
    seed = 1,
    sizes = SMALL_SIZES,
  }: Partial<WorldOptions> = {}): Promise<Stage> {
    const stage = new Stage(new World({ seed, gateways, sizes }));
    for (const { plant } of stage.world.gateways) plant.pace(Infinity);
    stage.world.start();
    await stage.connected();
    await stage.pass(2000);
    return stage;
  }

  get gateway(): Gateway {
    return this.#present(this.world.gateways[0], 'gateway');
  }

  get program(): GatewayProgram {
    return this.#present(this.gateway.program, 'process of the gateway');
  }

  get hub(): HubProgram {
    return this.#present(this.world.hub.program, 'process of the hub');
  }

  pass(ms: number): Promise<void> {
    return this.world.pass(ms);
  }

  async until(what: string, condition: () => boolean, withinMs = PATIENCE_MS): Promise<void> {
    if (!(await this.world.until(condition, withinMs)))
      throw new EdgeError('EDGE_TIMEOUT', `never: ${what}\n${this.world.trace.lines().join('\n')}`);
  }

  /** Every gateway that is switched on has a session. */
  async connected(withinMs?: number): Promise<void> {
    await this.until(
      'connected',
      () => this.world.gateways.every((g) => !g.isPowered || g.program?.edgeHub.isLive === true),
      withinMs,
    );
  }

  /** Waits for a promise of the programs; it takes virtual time. */
  async done<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const settle = (): void => void (settled = true);
    promise.then(settle, settle);
    await this.until('settled', () => settled);
    return promise;
  }

  /** A sensor shows this value, and is read: resolves when the gateway has acknowledged it. */
  async read(property: Prop, value?: number, gateway = this.gateway): Promise<void> {
    const key = this.key(property, gateway);
    // What nobody writes goes up by one with each reading.
    const shown = property === 'temperature' ? 1 : 0;
    if (value !== undefined) gateway.plant.register(key).value = value - shown;
    await this.done(gateway.plant.read(key));
  }

  /** A person wants this value, through the hub's API. */
  async desire(property: Prop, value: Value, gateway = this.gateway): Promise<DesiredRecord> {
    const device = this.device(property, gateway);
    const { fleet } = this.hub;
    this.checkers.wished(this.key(property, gateway));
    const { version } = await this.done(
      fleet.setDesired({ device, property, value, actor: 'operator:x' }),
    );
    this.checkers.promised(this.key(property, gateway), version, value);
    return this.#present(this.desired(property, gateway), 'desired value');
  }

  /** A person writes on the gateway itself. */
  async writeLocally(property: Prop, value: Value, gateway = this.gateway): Promise<void> {
    const device = this.device(property, gateway);
    const { twins } = this.#present(gateway.program, 'process');
    await this.done(twins.writeLocal({ device, property, value, actor: 'cli' }));
  }

  device(property: Prop, gateway = this.gateway): string {
    const device = gateway.plant.devices.find(({ properties }) =>
      properties.some(({ name }) => name === property),
    );
    return this.#present(device, 'device').id;
  }

  key(property: Prop, gateway = this.gateway): string {
    return `${this.device(property, gateway)}/${property}`;
  }

  /** What the hub holds durably. */
  reported(property: Prop, gateway = this.gateway): Reported | undefined {
    return this.#hubRows(gateway)?.reported({
      device: this.device(property, gateway),
      ...{ property, key: '' },
    });
  }

  desired(property: Prop, gateway = this.gateway): DesiredRecord | undefined {
    return this.#hubRows(gateway)?.desired({
      device: this.device(property, gateway),
      ...{ property, key: '' },
    });
  }

  /** As people see it at the hub. */
  view(property: Prop, gateway = this.gateway): HubPropertyView {
    const view = this.hub.fleet
      .device(this.device(property, gateway))
      ?.properties.find(({ description }) => description.name === property);
    return this.#present(view, 'view');
  }

  /** What the gateway holds. */
  row(property: Prop, gateway = this.gateway): ReportedRow | undefined {
    return gateway.program?.meta.get('reported', this.key(property, gateway));
  }

  locals(property: Prop): LocalWrites | undefined {
    return this.program.meta.get('locals', this.key(property));
  }

  isUnsent(property: Prop): boolean {
    const { meta } = this.program;
    const key = this.key(property);
    return meta.get('acknowledged', key) !== meta.get('reported', key)?.n;
  }

  alarms(node = this.gateway.node): readonly string[] {
    return this.hub.fleet.node(node)?.alarms.map(({ code }) => code) ?? [];
  }

  /** All messages of all sessions arrived, and both ends agree in everything. */
  async settle(...gateways: readonly Gateway[]): Promise<void> {
    const all = gateways.length > 0 ? gateways : this.world.gateways;
    await this.world.until(() => this.checkers.disagreement(all) === undefined, PATIENCE_MS * 3);
    const breach = this.checkers.disagreement(all);
    if (breach !== undefined) throw breachError(breach, this.world);
    await this.pass(60_000);
  }

  #hubRows({ node }: Gateway): HubRows | undefined {
    return HubRows.of(this.world, node);
  }

  #present<T>(thing: T | undefined, name: string): T {
    if (thing === undefined) throw new EdgeError('EDGE_INTERNAL', `there is no ${name} now`);
    return thing;
  }
}
