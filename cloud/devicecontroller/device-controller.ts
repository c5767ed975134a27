import type { Clock, Timer } from '#protocol/clock.js';
import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import { randomId } from '#protocol/random.js';
import type { Random } from '#protocol/random.js';
import type { Desired } from '#protocol/twin.js';
import type { Streams } from '#tunnel/transport.js';
import type { Refused } from '../audit/refusals.js';
import { newCounters } from '../cloudhub/counters.js';
import type { HubCounters } from '../cloudhub/counters.js';
import type { FleetNews } from '../cloudhub/judgement.js';
import { NodeLoop } from '../cloudhub/node-loop.js';
import type { DeviceView, Fleet, FleetChange, NodeCare, NodeView, SetDesired } from '../fleet.js';
import type { Uptime } from '#journal/os-uptime.js';
import { commandView } from '../commands/view.js';
import { HUB_LIMITS } from '../limits.js';
import type { HubStore } from '../store/hub-store.js';
import { liveDevice, liveDevices, NodeRows } from '../store/node-rows.js';
import type { LiveDevice } from '../store/node-rows.js';
import { ALARM_CODES, commandKey } from '../store/tables.js';
import type { AlarmCode } from '../store/tables.js';
import { Freshness } from './freshness.js';
import type { PropertyRef } from './freshness.js';
import { deviceView, nodeView, propertyView } from './views.js';

export interface DeviceControllerOptions {
  readonly store: HubStore;
  /** How long this machine is up: without it, ages of commands end with the process. */
  readonly uptime?: Uptime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Told when a node speaks about devices of another one. */
  readonly refused?: Refused;
}

/**
 * The fleet as the API sees it: nodes, devices and their values, all of it durable. Every node has
 * a loop of its own here, whether it is connected or not; CloudHub brings the connections.
 */
export class DeviceController implements Fleet, NodeCare {
  readonly counters: HubCounters = newCounters();
  readonly #options: DeviceControllerOptions;
  /** Random, new per process: the hub's boot of docs/sync-protocol.md section 1. */
  readonly #hubBoot: string;
  readonly #loops = new Map<string, NodeLoop>();
  readonly #owners = new Map<DeviceId, string>();
  readonly #freshness = new Freshness();
  readonly #listeners = new Set<(change: FleetChange) => void>();
  #sweep: Timer | undefined;

  private constructor(options: DeviceControllerOptions) {
    this.#options = options;
    this.#hubBoot = randomId(options.random);
  }

  /** Reads every node's rows. Rejects with EDGE_STORAGE. */
  static async open(options: DeviceControllerOptions): Promise<DeviceController> {
    const controller = new DeviceController(options);
    for (const rows of await options.store.loadAll()) controller.#add(rows);
    controller.#scheduleSweep();
    return controller;
  }

  /** Ends the sweep for stale values. */
  stop(): void {
    this.#sweep?.cancel();
  }

  /** The loop of a node, new for one that was never seen. Throws EDGE_LIMIT when there are too many. */
  loopOf(node: string): NodeLoop {
    const loop = this.#loops.get(node);
    if (loop !== undefined) return loop;
    if (this.#loops.size >= HUB_LIMITS.nodes)
      throw new EdgeError('EDGE_LIMIT', `this hub keeps at most ${HUB_LIMITS.nodes} nodes`, {
        hint: 'Remove nodes that are gone, or run another hub.',
      });
    return this.#add(new NodeRows(node));
  }

  /** The loops of all nodes. */
  loops(): Iterable<NodeLoop> {
    return this.#loops.values();
  }

  /** The loop of the node that owns a live device. */
  loopOfDevice(id: DeviceId): NodeLoop | undefined {
    return this.#find(id)?.loop;
  }

  nodes(): readonly NodeView[] {
    return [...this.#loops.values()].flatMap((loop) => nodeView(loop) ?? []).sort(byName);
  }

  node(name: string): NodeView | undefined {
    const loop = this.#loops.get(name);
    return loop === undefined ? undefined : nodeView(loop);
  }

  /** The streams of a node's session; undefined: there is none, or its transport has no streams. */
  streamsOf(node: string): Streams | undefined {
    return this.#loops.get(node)?.session?.streams;
  }

  devices(filter: { readonly node?: string } = {}): readonly DeviceView[] {
    const nowMs = this.#options.clock.now();
    const loops =
      filter.node === undefined
        ? [...this.#loops.values()]
        : [this.#loops.get(filter.node)].filter((loop) => loop !== undefined);
    return loops
      .flatMap((loop) =>
        liveDevices(loop.machine.rows).map((device) =>
          deviceView(loop, device, this.#freshness, nowMs),
        ),
      )
      .sort((a, b) => compareText(a.description.id, b.description.id));
  }

  device(id: DeviceId): DeviceView | undefined {
    const found = this.#find(id);
    if (found === undefined) return undefined;
    return deviceView(found.loop, found.device, this.#freshness, this.#options.clock.now());
  }

  async setDesired(request: SetDesired): Promise<Desired> {
    const found = this.#find(request.device);
    if (found === undefined)
      throw new EdgeError('EDGE_NO_DEVICE', `no device ${request.device}`, {
        hint: 'List the devices: its gateway announces it once it has connected.',
      });
    const desired = await found.loop.submit({ kind: 'set-desired', ...request });
    if (desired !== undefined) return desired;
    throw new EdgeError('EDGE_INTERNAL', 'a desired value was judged without an answer');
  }

  async clearAlarm(node: string, code: string, { isDryRun = false } = {}): Promise<void> {
    const loop = this.#loops.get(node);
    if (loop === undefined || nodeView(loop) === undefined)
      throw new EdgeError('EDGE_NO_NODE', `no node ${node}`, { hint: 'List the nodes.' });
    if (!isAlarmCode(code))
      throw new EdgeError('EDGE_UNSUPPORTED', `no alarm ${code} is known`, {
        hint: `There are ${Object.keys(ALARM_CODES).join(', ')}.`,
      });
    if (!isDryRun) await loop.submit({ kind: 'clear-alarm', code });
  }

  watch(listener: (change: FleetChange) => void): () => void {
    const own = (change: FleetChange): void => listener(change);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  #add(rows: NodeRows): NodeLoop {
    const { store, clock, log, uptime, refused } = this.#options;
    const loop: NodeLoop = new NodeLoop({
      rows,
      hubBoot: this.#hubBoot,
      ...{ store, clock, log, uptime, refused },
      counters: this.counters,
      ownerOf: (device) => this.#owners.get(device),
      publish: (news) => this.#publish(loop, news),
    });
    this.#loops.set(rows.name, loop);
    for (const { description } of liveDevices(rows)) this.#owners.set(description.id, rows.name);
    return loop;
  }

  #find(id: DeviceId): { loop: NodeLoop; device: LiveDevice } | undefined {
    const loop = this.#loops.get(this.#owners.get(id) ?? '');
    const device = loop && liveDevice(loop.machine.rows, loop.name, id);
    return loop === undefined || device === undefined ? undefined : { loop, device };
  }

  #publish(loop: NodeLoop, news: FleetNews): void {
    const nowMs = this.#options.clock.now();
    const node = loop.name;
    switch (news.kind) {
      case 'node': {
        if (news.online === false)
          for (const ref of this.#freshness.lose(node)) this.#publishProperty(ref);
        const view = nodeView(loop);
        if (view !== undefined) this.#tell({ kind: 'node', node: view });
        return;
      }
      case 'command': {
        const record = loop.machine.rows.get('commands', commandKey(node, news.command));
        if (record !== undefined)
          this.#tell({ kind: 'command', command: commandView(node, record) });
        return;
      }
      case 'device': {
        this.#owners.set(news.device, node);
        const device = liveDevice(loop.machine.rows, node, news.device);
        if (device === undefined) return;
        this.#tell({ kind: 'device', device: deviceView(loop, device, this.#freshness, nowMs) });
        return;
      }
      case 'device-removed':
        if (this.#owners.get(news.device) === node) this.#owners.delete(news.device);
        this.#freshness.forget(node, news.device);
        this.#tell({ kind: 'device-removed', node, device: news.device });
        return;
      case 'desired':
        this.#publishProperty({ node, device: news.device, property: news.property });
        return;
      case 'reported': {
        const device = liveDevice(loop.machine.rows, node, news.device);
        for (const property of news.properties) {
          const ref = { node, device: news.device, property };
          const cycleMs =
            device?.description.properties.find(({ name }) => name === property)?.reportCycleMs ??
            0;
          this.#freshness.heard(ref, cycleMs, nowMs);
          this.#publishProperty(ref);
        }
      }
    }
  }

  #publishProperty({ node, device: id, property: name }: PropertyRef): void {
    const loop = this.#loops.get(node);
    const device = loop && liveDevice(loop.machine.rows, node, id);
    const description = device?.description.properties.find((own) => own.name === name);
    if (loop === undefined || device === undefined || description === undefined) return;
    const nowMs = this.#options.clock.now();
    const property = propertyView(loop, device, description, this.#freshness, nowMs);
    this.#tell({ kind: 'property', node, device: id, property });
  }

  #tell(change: FleetChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        this.#options.log.error('watcher failed', { error: EdgeError.from(error) });
      }
    }
  }

  #scheduleSweep(): void {
    const { clock } = this.#options;
    this.#sweep = clock.setTimer('fleet sweep', HUB_LIMITS.sweepEveryMs, () => {
      const nowMs = clock.now();
      for (const ref of this.#freshness.expire(nowMs)) this.#publishProperty(ref);
      for (const loop of this.#loops.values())
        // A storage that refuses it is asked again by the next sweep.
        if (loop.machine.tickDueMs <= nowMs) loop.submit({ kind: 'tick' }).catch(() => undefined);
      this.#scheduleSweep();
    });
  }
}

function isAlarmCode(code: string): code is AlarmCode {
  return Object.hasOwn(ALARM_CODES, code);
}

function byName(a: NodeView, b: NodeView): number {
  return compareText(a.name, b.name);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
