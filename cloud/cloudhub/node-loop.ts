import type { Clock } from '#protocol/clock.js';
import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Log } from '#protocol/log.js';
import type { ByeReason, SyncMessage } from '#protocol/sync-message.js';
import type { Desired } from '#protocol/twin.js';
import type { CloseCode, Priority, Streams } from '#tunnel/transport.js';
import { HUB_LIMITS } from '../limits.js';
import type { Uptime } from '#journal/os-uptime.js';
import type { NodeLinkView } from '../fleet.js';
import type { CommitOutcome, HubStore } from '../store/hub-store.js';
import { liveDevices } from '../store/node-rows.js';
import type { NodeRows } from '../store/node-rows.js';
import type { Refused } from '../audit/refusals.js';
import type { OwnerOf } from './authorizer.js';
import type { HubCounters } from './counters.js';
import { goodbye } from './judgement.js';
import type { Effect, FleetNews, Judgement, Moment, NodeEvent, SessionId } from './judgement.js';
import { SyncMachine } from './sync-machine.js';

/** The shell around one node's SyncMachine needs these of the hub. */
export interface NodeLoopOptions {
  readonly rows: NodeRows;
  readonly hubBoot: string;
  readonly store: HubStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: HubCounters;
  readonly ownerOf: OwnerOf;
  readonly uptime?: Uptime | undefined;
  /** What others may see now: it is durable. */
  readonly publish: (news: FleetNews) => void;
  /** The node spoke about what is not its own. */
  readonly refused?: Refused | undefined;
}

/** One connection as the loop sees it. */
export interface SessionPort {
  readonly id: SessionId;
  readonly address: string;
  readonly transport: string;
  readonly streams?: Streams | undefined;
  /** What the transport knows of the link, now. */
  link?(): NodeLinkView;
  send(message: SyncMessage, priority: Priority): void;
  close(code: CloseCode, detail: string): void;
}

/** What the API asks for; of these only so many may wait. */
const REQUESTS: ReadonlySet<NodeEvent['kind']> = new Set([
  'set-desired',
  'run-command',
  'put-device',
  'delete-device',
]);

/** The same event is judged again when its commit met another one; more often means a defect. */
const ATTEMPTS_MAX = 3;

/**
 * Brings the events of one node to its machine one after the other: judge, commit, then effects.
 * So nothing of a node is ever judged on rows that are not durable, and nothing of it is seen or
 * sent before (invariants I2, I3). Nodes do not wait for each other: their commits share a sync.
 */
export class NodeLoop {
  readonly name: string;
  readonly #options: NodeLoopOptions;
  readonly #machine: SyncMachine;
  readonly #sessions = new Map<SessionId, SessionPort>();
  readonly #queue: Entry[] = [];
  #requests = 0;
  #isRunning = false;
  /** A commit was refused: what is durable must be asked of the store before the next one. */
  #isBehind = false;
  /** Devices that a commit of another node claimed first. */
  #taken: ReadonlySet<DeviceId> = new Set();
  /** A device of another node that the event under judgement is about. */
  #foreign: DeviceId | undefined;
  #lastHeardMs: number | undefined;

  constructor(options: NodeLoopOptions) {
    this.#options = options;
    this.name = options.rows.name;
    this.#machine = new SyncMachine({
      rows: options.rows,
      hubBoot: options.hubBoot,
      ownerOf: (device) => this.#ownerOf(device),
      ...(options.uptime === undefined ? {} : { uptime: options.uptime }),
    });
  }

  /** To read only: the durable rows and what the session's gateway stored. */
  get machine(): Pick<SyncMachine, 'rows' | 'isStored' | 'isDeviceStored' | 'tickDueMs'> {
    return this.#machine;
  }

  /** The session that stands. */
  get session(): SessionPort | undefined {
    const id = this.#machine.session;
    return id === undefined ? undefined : this.#sessions.get(id);
  }

  /** Wall time of the last message heard from the gateway by this process. */
  get lastHeardMs(): number | undefined {
    return this.#lastHeardMs;
  }

  attach(session: SessionPort): void {
    this.#sessions.set(session.id, session);
  }

  /** After it, no effect reaches the session any more. */
  detach(id: SessionId): void {
    this.#sessions.delete(id);
  }

  /**
   * Resolves when the event is judged, durable and its effects are out; rejects when it is refused
   * (an EdgeError of the judging, or EDGE_STORAGE). EDGE_LIMIT when too many requests wait.
   */
  submit(event: NodeEvent): Promise<Desired | undefined> {
    const isRequest = REQUESTS.has(event.kind);
    if (isRequest && this.#requests >= HUB_LIMITS.queuedRequests)
      return Promise.reject(
        new EdgeError('EDGE_LIMIT', `too many writes wait for node ${this.name}`, {
          hint: 'Try again when the earlier ones are answered.',
        }),
      );
    if (isRequest) this.#requests++;
    return new Promise((resolve, reject) => {
      this.#queue.push({ event, isRequest, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      try {
        entry.resolve(await this.#process(entry.event));
      } catch (error) {
        entry.reject(error);
      }
      if (entry.isRequest) this.#requests--;
    }
    this.#isRunning = false;
  }

  async #process(event: NodeEvent): Promise<Desired | undefined> {
    if (event.kind === 'message') this.#lastHeardMs = this.#options.clock.wallTime();
    this.#taken = new Set();
    this.#foreign = undefined;
    for (let attempt = 1; ; attempt++) {
      if (this.#isBehind && needsRows(event)) await this.#catchUp();
      const moment = this.#moment();
      const judgement = this.#machine.judge(event, moment);
      const outcome = await this.#commit(judgement);
      if (outcome.kind === 'committed') {
        this.#release(this.#machine.settle(judgement, this.#moment()));
        if (judgement.rest !== undefined) return this.#process(judgement.rest);
        return judgement.desired;
      }
      this.#options.counters.commitsRefused++;
      if (outcome.kind === 'taken') this.#taken = new Set([...this.#taken, ...outcome.devices]);
      else this.#fallBehind('superseded', 'A newer session of this node took over.');
      if (attempt >= ATTEMPTS_MAX)
        throw new EdgeError('EDGE_SUPERSEDED', `node ${this.name} changes elsewhere all the time`);
    }
  }

  async #commit({ puts, claims, samples = [] }: Judgement): Promise<CommitOutcome> {
    if (puts.length === 0 && samples.length === 0) return { kind: 'committed' };
    const { store } = this.#options;
    try {
      const { epoch } = this.#machine;
      return await store.commit({ node: this.name, epoch, claims, puts, samples });
    } catch (thrown) {
      const error = EdgeError.from(thrown, 'EDGE_STORAGE');
      this.#options.counters.commitsRefused++;
      this.#options.log.error('commit refused', { node: this.name, error });
      this.#fallBehind('shutting-down', 'The hub cannot store anything now.');
      throw error;
    }
  }

  /** What was refused may have survived, or another hub process was faster: ask what is durable. */
  async #catchUp(): Promise<void> {
    const before = liveIds(this.#machine.rows);
    this.#machine.restart(await this.#options.store.reload(this.#machine.rows));
    this.#isBehind = false;
    const after = liveIds(this.#machine.rows);
    for (const device of after) this.#options.publish({ kind: 'device', device });
    for (const device of before)
      if (!after.has(device)) this.#options.publish({ kind: 'device-removed', device });
  }

  /** Nothing of this session can be promised any more: its gateway connects again. */
  #fallBehind(reason: ByeReason, detail: string): void {
    const { session, sessions } = this.#machine;
    this.#isBehind = true;
    this.#machine.restart(this.#machine.rows);
    // Not 'lost': that would drop the BYE with whatever else is queued.
    const code = reason === 'superseded' ? 'superseded' : 'normal';
    this.#release(
      sessions.flatMap((id) =>
        id === session || reason !== 'superseded'
          ? goodbye(id, reason, detail, code)
          : goodbye(id, 'diverged', detail, 'normal'),
      ),
    );
    if (session !== undefined) this.#release([{ kind: 'node', online: false }]);
  }

  #release(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#sessions.get(effect.session)?.send(effect.message, effect.priority);
          break;
        case 'close':
          this.#sessions.get(effect.session)?.close(effect.code, effect.detail);
          break;
        case 'count':
          this.#options.counters[effect.counter] += effect.by;
          if (effect.counter === 'foreignRows' && effect.by > 0) this.#trespassed(effect.by);
          break;
        case 'alarm':
          this.#options.log.warn('alarm', {
            node: this.name,
            code: effect.code,
            detail: effect.detail,
          });
          break;
        default:
          this.#options.publish(effect);
      }
    }
  }

  #ownerOf(device: DeviceId): string | undefined {
    const owner = this.#taken.has(device) ? '' : this.#options.ownerOf(device);
    if (owner !== undefined && owner !== this.name) this.#foreign = device;
    return owner;
  }

  #trespassed(rows: number): void {
    this.#options.refused?.(
      {
        actor: `node:${this.name}`,
        action: 'device.refuse',
        subject: this.#foreign ?? 'a device',
        node: this.name,
        code: 'EDGE_FORBIDDEN',
      },
      rows,
    );
  }

  #moment(): Moment {
    const { clock } = this.#options;
    return { nowMs: clock.now(), wallMs: clock.wallTime() };
  }
}

interface Entry {
  readonly event: NodeEvent;
  readonly isRequest: boolean;
  readonly resolve: (desired: Desired | undefined) => void;
  readonly reject: (error: unknown) => void;
}

function liveIds(rows: NodeRows): Set<DeviceId> {
  return new Set(liveDevices(rows).map(({ description }) => description.id));
}

/** The end of a session commits nothing and must not fail because the storage does. */
function needsRows(event: NodeEvent): boolean {
  return event.kind !== 'closed';
}
