import { createHash } from 'node:crypto';
import type { Device, Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { decodeSample } from '#protocol/sample-line.js';
import { NO_VERSION } from '#protocol/twin.js';
import type { Reported, Value } from '#protocol/twin.js';
import { HubRows } from './checkers/rows.js';
import type { Gateway, GatewayProgram } from './gateway.js';
import { NarrowLink } from './narrow-link.js';
import { World } from './world.js';

export interface OutageOptions {
  readonly hours: number;
  /** What the gateway's history may take on its card. */
  readonly historyBytes: number;
  readonly bytesPerSecond: number;
}

export interface OutageFigures {
  /** Samples taken before and during the outage and while it was made up for. */
  readonly taken: number;
  /** What the hub applied, and what it was told to be given up. */
  readonly applied: number;
  readonly dropped: number;
  /** The gateway's own counter. */
  readonly lost: number;
  /** Of the blocks on the card when the link came back, and the samples in them. */
  readonly historyBytes: number;
  readonly kept: number;
  /** From the link's return until a session stood: the gateway had dialled in vain for days. */
  readonly sessionAfterMs: number;
  /** From then on, until the hub held the newest value of everything. */
  readonly currentAfterMs: number;
  /** Until what was desired meanwhile was at its device. */
  readonly desiredAfterMs: number;
  /** How old the newest state of a property at the hub became while the samples followed. */
  readonly worstLagMs: number;
  readonly drainedAfterMs: number;
  readonly upBytes: number;
}

const PROPERTIES = Array.from({ length: 10 }, (_, index) => `p${index}`);
const REPORT_MS = 1000;
const HOUR_MS = 3_600_000;
const PATIENCE_MS = 48 * HOUR_MS;
/** What ships. */
const SIZES = { journalBytes: 4 * 1024 * 1024, blockRows: 1024, blockBytes: 64 * 1024 };

const DEVICE: Device = {
  id: 'default/line',
  model: 'line',
  protocol: { protocolName: 'plant', configData: {} },
  properties: [
    ...PROPERTIES.map((name) => property(name, { history: true })),
    property('setpoint', { type: 'int', access: 'ReadWrite' }),
  ],
};

/**
 * One gateway without its hub for days, ten samples a second: the shipped store, journal and sync
 * machines of both ends in virtual time, over a link that is narrow when it comes back. Throws what
 * is wrong with what the hub has in the end.
 */
export class LongOutage {
  readonly #world: World;
  readonly #options: OutageOptions;
  readonly #link: NarrowLink;
  #reports = 0;

  constructor(options: OutageOptions) {
    const { historyBytes, bytesPerSecond } = options;
    const sizes = { ...SIZES, historyBytes: [historyBytes] };
    this.#options = options;
    this.#world = new World({ seed: 1, gateways: 1, sizes });
    const { clock, weather } = this.#world;
    this.#link = new NarrowLink(clock, weather, bytesPerSecond);
    this.#gateway.devices = [DEVICE];
    this.#gateway.plant.pace(Infinity);
  }

  async live(): Promise<OutageFigures> {
    const world = this.#world;
    const { weather, clock } = world;
    const { node } = this.#gateway;
    world.start();
    await world.started();
    await this.#until('a session', () => this.#program.edgeHub.isLive);
    await this.#report(60);
    await this.#until('samples at the hub', () => this.#account.applied >= 100);

    weather.block(node, 'up', 'down');
    await this.#report(30);
    await this.#desire(7);
    await this.#report(this.#options.hours * 3600 - 30);
    expect(!this.#program.edgeHub.isLive, 'the link is away', {});
    for (const name of PROPERTIES)
      expect(this.#isCurrent(name, this.#program.meta.get('reported', key(name))), 'twin', {
        name,
      });
    const { bytes: historyBytes, kept } = this.#program.history.status();

    const bytesBefore = this.#link.bytes.up;
    weather.open(node);
    const openMs = clock.now();
    await this.#until('a session', () => this.#program.edgeHub.isLive);
    const startMs = clock.now();
    const sessionAfterMs = startMs - openMs;
    const newest = this.#reports;
    await this.#until('current', () => this.#lagMs(newest) === 0);
    const currentAfterMs = clock.now() - startMs;
    await this.#until('desired', () => this.#setpoint === 7);
    const desiredAfterMs = clock.now() - startMs;

    let worstLagMs = 0;
    while (this.#program.history.status().unsent > PROPERTIES.length * 10) {
      await this.#report(1);
      worstLagMs = Math.max(worstLagMs, this.#lagMs(this.#reports));
      expect(clock.now() - startMs < PATIENCE_MS, 'drained', this.#program.history.status());
    }
    const drainedAfterMs = clock.now() - startMs;
    await this.#until('all is sent', () => this.#program.history.status().unsent === 0);
    const { applied, dropped } = this.#account;
    const { dropped: lost } = this.#program.history.status();
    const taken = this.#reports * PROPERTIES.length;
    expect(applied + dropped === taken, 'every sample is applied or counted', this.#account);
    expect(dropped === lost, 'the hub was told of what the gateway counts', { dropped, lost });
    await this.#judgeHistory(dropped);
    const upBytes = this.#link.bytes.up - bytesBefore;
    return {
      ...{ taken, applied, dropped, lost, historyBytes, kept },
      ...{ sessionAfterMs, currentAfterMs, desiredAfterMs, worstLagMs, drainedAfterMs, upBytes },
    };
  }

  /** Everything the hub has, in its own order: that of each property, without anything twice. */
  async #judgeHistory(dropped: number): Promise<void> {
    const series = await this.#hub.histories.open(this.#gateway.node);
    const next = new Map<string, number>();
    let [gaps, rows] = [0, 0];
    for (let at = 0; ;) {
      const stretch = await series.read(at);
      if (stretch === undefined) break;
      for (const { text } of stretch.rows) {
        const { property: name, value } = decodeSample(text) ?? { property: '', value: null };
        const index = indexOf(value);
        const due = next.get(name) ?? 1;
        expect(index >= due && value === valueOf(name, index), 'in order, once, unharmed', {
          ...{ name, value, due },
        });
        gaps += index - due;
        rows++;
        next.set(name, index + 1);
      }
      at = stretch.to;
    }
    for (const name of PROPERTIES)
      expect(next.get(name) === this.#reports + 1, 'the newest samples are there', { name });
    expect(rows === this.#account.applied, 'the hub keeps what it applied', { rows });
    expect(gaps === dropped, 'what is missing is what was counted', { gaps, dropped });
  }

  /** Reads all properties, once a second, so many times. */
  async #report(times: number): Promise<void> {
    for (let time = 0; time < times; time++) {
      const index = ++this.#reports;
      const timestamp = this.#gateway.wallTime;
      const readings = PROPERTIES.map((name) => ({
        ...{ property: name, value: valueOf(name, index), quality: 'good' as const, timestamp },
        appliedVersion: NO_VERSION,
      }));
      this.#program.twins
        .report({ device: DEVICE.id, readings })
        .catch((thrown: unknown) => this.#world.fail(EdgeError.from(thrown)));
      await this.#world.pass(REPORT_MS);
    }
  }

  async #desire(value: number): Promise<void> {
    const wish = { device: DEVICE.id, property: 'setpoint', value, actor: 'operator:x' };
    let isDone = false;
    void this.#hub.fleet.setDesired(wish).then(() => (isDone = true));
    await this.#until('desired', () => isDone);
  }

  get #setpoint(): number {
    return this.#gateway.plant.register(key('setpoint')).value;
  }

  /** Since when the hub has not heard of a reading that the gateway has, in whole readings. */
  #lagMs(newest: number): number {
    const held = PROPERTIES.map((name) => indexOf(this.#reported(name)?.value ?? null));
    return (newest - Math.min(newest, ...held)) * REPORT_MS;
  }

  #isCurrent(name: string, row: Pick<Reported, 'value'> | undefined): boolean {
    return row?.value === valueOf(name, this.#reports);
  }

  #reported(name: string): Reported | undefined {
    const { node } = this.#gateway;
    const rows = HubRows.of(this.#world, node);
    return rows?.reported({ device: DEVICE.id, property: name, key: key(name) });
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    expect(await this.#world.until(condition, PATIENCE_MS), what, this.#program.edgeHub.status());
  }

  get #gateway(): Gateway {
    return present(this.#world.gateways[0]);
  }

  get #program(): GatewayProgram {
    return present(this.#gateway.program);
  }

  get #hub() {
    return present(this.#world.hub.program);
  }

  get #account(): { readonly applied: number; readonly dropped: number } {
    const { node } = this.#gateway;
    const account = HubRows.of(this.#world, node)?.rows.get('histories', node);
    return account ?? { applied: 0, dropped: 0 };
  }
}

/** A text that says which reading it is, and that compresses as badly as noise. */
function valueOf(name: string, index: number): string {
  const noise = createHash('sha256').update(`${name} ${index}`).digest('base64');
  return `${index} ${noise.slice(0, 40)}`;
}

/** 0: not a value of `valueOf`. */
function indexOf(value: Value): number {
  return typeof value === 'string' ? Number(value.split(' ')[0]) : 0;
}

function key(name: string): string {
  return `${DEVICE.id}/${name}`;
}

function property(name: string, more: Partial<Property>): Property {
  return {
    ...{ name, type: 'string', access: 'ReadOnly' },
    ...{ reportCycleMs: REPORT_MS, collectCycleMs: REPORT_MS, reportToCloud: true },
    ...more,
  };
}

function present<T>(thing: T | undefined): T {
  if (thing === undefined) throw new EdgeError('EDGE_INTERNAL', 'a program does not run');
  return thing;
}

function expect(holds: boolean, what: string, facts: object): void {
  if (!holds) throw new EdgeError('EDGE_INTERNAL', `not so: ${what} ${JSON.stringify(facts)}`);
}
