import type { DeviceDescription, PropertyDescription } from '#protocol/device.js';
import type {
  AnnounceRow,
  Hello,
  Local,
  StateRow,
  SyncMessage,
  Welcome,
} from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import type { Desired, Value, Version } from '#protocol/twin.js';
import type { Uptime } from '#journal/os-uptime.js';
import { NodeRows } from '../store/node-rows.js';
import type { OwnerOf } from './authorizer.js';
import type { DesiredRequest, Effect, NodeEvent, SessionId } from './judgement.js';
import { SyncMachine } from './sync-machine.js';

/** For tests: one machine whose commits are always durable at once, and what it said. */
export class MachineBench {
  readonly rows: NodeRows;
  machine: SyncMachine;
  nowMs = 0;
  epoch = 0;
  lineage = '';
  session: SessionId = 0;
  /** Of the machine that the next process of the hub runs on. */
  uptime: Uptime = { osBoot: 'os-1', offsetMs: 0 };
  readonly #ownerOf: OwnerOf;
  #hubBoots = 0;
  #ids = 0;

  constructor({
    node = 'gw-1',
    rows = new NodeRows(node),
    ownerOf = () => undefined,
  }: { node?: string; rows?: NodeRows; ownerOf?: OwnerOf } = {}) {
    this.rows = rows;
    this.#ownerOf = ownerOf;
    this.machine = this.#start();
  }

  /** A new process of the hub on the same rows. */
  restart(): void {
    this.machine = this.#start();
  }

  step(event: NodeEvent): Effect[] {
    const moment = { nowMs: this.nowMs, wallMs: 1_000_000 + this.nowMs };
    const judgement = this.machine.judge(event, moment);
    const effects = this.machine.settle(judgement, moment);
    return judgement.rest === undefined ? effects : [...effects, ...this.step(judgement.rest)];
  }

  /** Opens a session; the later `say` and `sent` speak of it. */
  hello(parts: Partial<Hello> = {}): Effect[] {
    this.session++;
    const fresh = { lineage: hex(`f${++this.#ids}`), hubLineage: hex(`b${this.#ids}`) };
    const hello = helloOf(parts);
    const effects = this.step({ kind: 'hello', session: this.session, hello, fresh });
    const welcome = only(effects, 'welcome')[0];
    if (welcome !== undefined) ({ epoch: this.epoch, lineage: this.lineage } = welcome);
    return effects;
  }

  /** HELLO that must be answered by WELCOME. */
  welcome(parts: Partial<Hello> = {}): Welcome {
    const [welcome] = only(this.hello(parts), 'welcome');
    if (welcome === undefined) throw new TypeError('no WELCOME');
    return welcome;
  }

  /** HELLO and READY. */
  open(parts: Partial<Hello> = {}): Effect[] {
    this.welcome(parts);
    return this.say({ kind: 'ready', epoch: this.epoch });
  }

  say(message: SyncMessage, session = this.session): Effect[] {
    return this.step({ kind: 'message', session, message });
  }

  state(...rows: StateRow[]): Effect[] {
    return this.say({ kind: 'state', epoch: this.epoch, id: ++this.#ids, rows });
  }

  announce(...rows: AnnounceRow[]): Effect[] {
    return this.say({ kind: 'announce', epoch: this.epoch, id: ++this.#ids, rows });
  }

  local(parts: Partial<Local> & Pick<Local, 'lid'>): Effect[] {
    return this.say({
      kind: 'local',
      epoch: this.epoch,
      device: 'default/boiler',
      incarnation: version(1, 1),
      property: 'target',
      base: NO_VERSION,
      chainStart: parts.lid,
      value: 20,
      ...parts,
    });
  }

  setDesired(value: Value, parts: Partial<DesiredRequest> = {}): Desired {
    const event: NodeEvent = {
      kind: 'set-desired',
      device: 'default/boiler',
      property: 'target',
      actor: 'operator:ann',
      value,
      ...parts,
    };
    const moment = { nowMs: this.nowMs, wallMs: 0 };
    const judgement = this.machine.judge(event, moment);
    this.last = this.machine.settle(judgement, moment);
    if (judgement.desired === undefined) throw new TypeError('no desired value');
    return judgement.desired;
  }

  /** The effects of the last `setDesired`. */
  last: Effect[] = [];

  #start(): SyncMachine {
    return new SyncMachine({
      rows: this.rows,
      hubBoot: hex(`c${++this.#hubBoots}`),
      ownerOf: this.#ownerOf,
      uptime: this.uptime,
    });
  }
}

/** The messages of one kind among effects. */
export function only<K extends SyncMessage['kind']>(
  effects: readonly Effect[],
  kind: K,
): Extract<SyncMessage, { kind: K }>[] {
  return effects.flatMap((effect) =>
    effect.kind === 'send' && effect.message.kind === kind
      ? [effect.message as Extract<SyncMessage, { kind: K }>]
      : [],
  );
}

export function counted(effects: readonly Effect[], counter: string): number {
  return effects.reduce(
    (sum, effect) =>
      effect.kind === 'count' && effect.counter === counter ? sum + effect.by : sum,
    0,
  );
}

/** 16 hexadecimal digits that end in `tail`. */
export function hex(tail: string): string {
  return tail.padStart(16, '0');
}

export function version(gen: number, n: number): Version {
  return { gen, n };
}

export function helloOf(parts: Partial<Hello> = {}): Hello {
  return {
    kind: 'hello',
    boot: hex('1'),
    lineage: hex('a'),
    lastEpoch: 0,
    state: { value: 0, forks: [] },
    samples: { value: 0, forks: [] },
    hubLineage: '',
    maxDesired: 0,
    hubBoots: [],
    protocol: { min: 1, max: 1 },
    features: [],
    dictionaries: [],
    monotonicMs: 0,
    software: 'test',
    ...parts,
  };
}

const PROPERTIES: readonly PropertyDescription[] = [
  { name: 'temperature', type: 'float', access: 'ReadOnly', reportCycleMs: 1000 },
  {
    name: 'target',
    type: 'int',
    access: 'ReadWrite',
    minimum: 0,
    maximum: 90,
    reportCycleMs: 1000,
  },
];

export function boiler(
  id = 'default/boiler',
  properties: readonly PropertyDescription[] = PROPERTIES,
): DeviceDescription {
  return { id, model: 'boiler', protocol: 'modbus', properties };
}

/** The boiler's announcement; it came to life with number 1 of generation 1. */
export function announceRow(n = 1, parts: Partial<AnnounceRow> = {}): AnnounceRow {
  const device = parts.device ?? 'default/boiler';
  return { device, incarnation: version(1, 1), n, description: boiler(device), ...parts };
}

export function stateRow(n: number, value: Value, parts: Partial<StateRow> = {}): StateRow {
  return {
    device: 'default/boiler',
    incarnation: version(1, 1),
    property: 'temperature',
    n,
    value,
    quality: 'good',
    timestamp: 5,
    desiredVersion: NO_VERSION,
    ...parts,
  };
}
