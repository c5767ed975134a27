import type { DeviceId } from '#protocol/device.js';
import type { Version } from '#protocol/twin.js';
import { HUB_DEVICES } from '#protocol/sync-message.js';
import { judgeResult } from '../commands/judge-result.js';
import { NodeCommands } from '../commands/node-commands.js';
import { unknownUptime } from '#journal/os-uptime.js';
import type { Uptime } from '#journal/os-uptime.js';
import { judgeSamples } from '../history/judge-samples.js';
import { ParkedSamples } from '../history/parked-samples.js';
import { HUB_LIMITS } from '../limits.js';
import { Draft } from '../store/node-rows.js';
import type { NodeRows } from '../store/node-rows.js';
import { deviceOfKey, propertyOfKey } from '../store/tables.js';
import { Downlink } from '../synccontroller/downlink.js';
import { Authorizer } from './authorizer.js';
import type { OwnerOf } from './authorizer.js';
import { judgeDesired } from './desired-values.js';
import { NOTHING, count, goodbye, send } from './judgement.js';
import type { Candidate, DownlinkNews, Effect, Judgement, Moment } from './judgement.js';
import type { NodeEvent, OpenSession, SessionId } from './judgement.js';
import { judgeAdopt } from './judge-adopt.js';
import { judgeClearAlarm } from './judge-clear-alarm.js';
import { judgeDevice } from './judge-devices.js';
import { judgeAnnounce } from './judge-announce.js';
import { judgeHello } from './judge-hello.js';
import { isDiverged, judgeDigest } from './judge-digest.js';
import { judgeLocal } from './judge-local.js';
import { judgeState } from './judge-state.js';
import { withRepairs } from './repairs.js';
import { judgeTakeover } from './judge-takeover.js';

export interface SyncMachineOptions {
  readonly rows: NodeRows;
  /** Random, new per process of the hub. */
  readonly hubBoot: string;
  readonly ownerOf: OwnerOf;
  /** Without it, ages of commands end with the process. */
  readonly uptime?: Uptime;
}

type MessageEvent = Extract<NodeEvent, { kind: 'message' }>;

/** The session that stands: its gateway has answered in it; volatile. */
interface Session extends OpenSession {
  readonly downlink: Downlink;
  /** When devices without a digest are sent everything. */
  readonly digestDueMs: number;
}

/**
 * The hub's side of the sync protocol for one node, docs/sync-protocol.md section 4. Pure: `judge`
 * looks at an event and changes nothing; when its puts are durable, `settle` takes them over and
 * gives what may be seen and sent (invariants I2 and I3). The caller brings one event after the
 * other.
 */
export class SyncMachine {
  #rows: NodeRows;
  readonly #hubBoot: string;
  readonly #authorizer: Authorizer;
  readonly #commands: NodeCommands;
  readonly #parked = new ParkedSamples();
  #session: Session | undefined;
  /** In the order of their epochs: WELCOME is on its way to them. */
  readonly #candidates = new Map<SessionId, Candidate>();
  /** When boots came back, within the window. */
  #cloneAtMs: readonly number[] = [];

  constructor({ rows, hubBoot, ownerOf, uptime }: SyncMachineOptions) {
    this.#rows = rows;
    this.#hubBoot = hubBoot;
    this.#authorizer = new Authorizer(rows.name, ownerOf);
    this.#commands = new NodeCommands(rows, hubBoot, uptime ?? unknownUptime(hubBoot));
  }

  /** What is durable. */
  get rows(): NodeRows {
    return this.#rows;
  }

  get session(): SessionId | undefined {
    return this.#session?.id;
  }

  /** The session that stands, and those that may take over from it. */
  get sessions(): readonly SessionId[] {
    return [...(this.#session === undefined ? [] : [this.#session.id]), ...this.#candidates.keys()];
  }

  get epoch(): number {
    return this.rows.get('nodes', this.rows.name)?.epoch ?? 0;
  }

  /** True when this session's gateway stored this very desired version. */
  isStored(key: string, version: Version): boolean {
    return this.#session?.downlink.isStored(key, version) ?? false;
  }

  /** True when this session's gateway holds this device of the hub as it is. */
  isDeviceStored(device: DeviceId): boolean {
    const session = this.#session;
    return (
      session?.features.includes(HUB_DEVICES) === true && session.downlink.isDeviceStored(device)
    );
  }

  /** When a `tick` has something to do; Infinity for never. */
  get tickDueMs(): number {
    return Math.min(this.#session?.digestDueMs ?? Infinity, this.#commands.dueMs);
  }

  judge(event: NodeEvent, moment: Moment): Judgement {
    switch (event.kind) {
      case 'hello':
        return judgeHello(
          event,
          {
            rows: this.rows,
            hubBoot: this.#hubBoot,
            live: this.#session,
            candidates: [...this.#candidates.values()],
          },
          moment,
        );
      case 'message':
        return this.#judgeMessage(event, moment);
      case 'closed':
        return event.session === this.session
          ? this.#end([])
          : { ...NOTHING, drops: [event.session] };
      case 'set-desired': {
        const draft = new Draft(this.rows);
        const desired = judgeDesired(draft, event, this.#hubBoot, moment.wallMs);
        const { device, property } = event;
        return {
          ...this.#judged(draft, [{ kind: 'desired', device, property }]),
          downlink: [{ kind: 'changed', device, property }],
          desired,
        };
      }
      case 'clear-alarm':
        return judgeClearAlarm(new Draft(this.rows), event.code);
      case 'put-device':
      case 'delete-device':
        return judgeDevice(new Draft(this.rows), event, {
          ...{ authorizer: this.#authorizer, hubBoot: this.#hubBoot, wallMs: moment.wallMs },
          isSupported: this.#session?.features.includes(HUB_DEVICES) ?? true,
        });
      case 'run-command':
        return this.#withCommands((draft) =>
          this.#commands.run(draft, event, this.#session, moment),
        );
      case 'tick':
        return this.#withCommands((draft) => this.#commands.dispatch(draft, this.#session, moment));
    }
  }

  /** Takes over what is durable now, and gives what follows from it, in order. */
  settle(judgement: Judgement, { nowMs }: Moment): Effect[] {
    this.rows.apply(judgement.puts);
    this.#commands.settle(this.rows, judgement);
    if (judgement.parks !== undefined) this.#parked.add(judgement.parks);
    if (judgement.samplesStored !== undefined) this.#parked.forget(judgement.samplesStored);
    if (judgement.cloneAtMs !== undefined)
      this.#cloneAtMs = [...this.#recentClones(nowMs), judgement.cloneAtMs];
    if (judgement.forgives === true) this.#cloneAtMs = [];
    if (judgement.ends === true) this.#session = undefined;
    for (const id of judgement.drops ?? []) this.#candidates.delete(id);
    if (judgement.offers !== undefined) this.#candidates.set(judgement.offers.id, judgement.offers);
    if (judgement.opens !== undefined) this.#open(judgement.opens, nowMs);
    if (judgement.adopted === true && this.#session !== undefined) {
      this.#session = { ...this.#session, adopt: false };
      this.#session.downlink.sendDevices();
    }
    const stored = judgement.downlink.flatMap((news) => this.#hear(news, nowMs));
    const seen = stored.map((key): Effect => ({
      kind: 'desired',
      device: deviceOfKey(key),
      property: propertyOfKey(key),
    }));
    return [...judgement.effects, ...seen, ...this.#takeDownlink(nowMs)];
  }

  /** A commit was refused: all sessions end, and the rows are those of `rows` from now on. */
  restart(rows: NodeRows): void {
    this.#rows = rows;
    this.#session = undefined;
    this.#candidates.clear();
    this.#commands.restart(rows);
  }

  #withCommands(judge: (draft: Draft) => readonly Effect[]): Judgement {
    const draft = new Draft(this.rows);
    return this.#judged(draft, judge(draft));
  }

  #judgeMessage(event: MessageEvent, moment: Moment): Judgement {
    const { session: id, message } = event;
    const candidate = this.#candidates.get(id);
    const session = this.#session;
    if (candidate !== undefined) return this.#judgeFirst(candidate, event, moment);
    if (session?.id !== id) return { ...NOTHING, effects: [count('supersededMessages')] };
    if ('epoch' in message && message.epoch !== session.epoch)
      return this.#break(`epoch ${message.epoch} in session ${session.epoch}`);
    if (message.kind === 'bye')
      return this.#end([{ kind: 'close', session: id, code: 'normal', detail: message.detail }]);

    const draft = new Draft(this.rows);
    const content = this.#judgeContent(draft, session, event, moment);
    if (content.ends === true) return content;
    const isDue = event.first === true || message.kind === 'result';
    const commands = isDue ? this.#commands.dispatch(draft, session, moment) : [];
    return { ...content, puts: draft.puts(), effects: [...content.effects, ...commands] };
  }

  /** The first message takes the node over; what it says is judged after that, as any other. */
  #judgeFirst(candidate: Candidate, event: MessageEvent, moment: Moment): Judgement {
    const { session: id, message } = event;
    const leave = (code: 'normal' | 'protocol', detail: string): Judgement => ({
      ...NOTHING,
      effects: [
        count('protocolErrors', code === 'protocol' ? 1 : 0),
        { kind: 'close', session: id, code, detail },
      ],
      drops: [id],
    });
    if (message.kind === 'bye') return leave('normal', message.detail);
    if ('epoch' in message && message.epoch !== candidate.epoch)
      return leave('protocol', `epoch ${message.epoch} in session ${candidate.epoch}`);
    const taken = judgeTakeover(
      candidate,
      {
        rows: this.rows,
        hubBoot: this.#hubBoot,
        live: this.#session,
        candidates: [...this.#candidates.values()],
        cloneReturns: this.#recentClones(moment.nowMs).length,
      },
      moment,
    );
    return taken.opens === undefined ? taken : { ...taken, rest: { ...event, first: true } };
  }

  /** The content of a message of the session; its puts go to the draft. */
  #judgeContent(draft: Draft, session: Session, event: MessageEvent, moment: Moment): Judgement {
    const { message } = event;
    switch (message.kind) {
      case 'ready':
        return NOTHING;
      case 'state':
        return { ...NOTHING, effects: judgeState(draft, session, message, this.#authorizer) };
      case 'announce': {
        const { progress, ...judged } = judgeAnnounce(draft, session, message, {
          authorizer: this.#authorizer,
          wallMs: moment.wallMs,
          progress: event.progress,
        });
        return {
          ...NOTHING,
          ...judged,
          ...(progress === undefined ? {} : { rest: { ...event, progress } }),
        };
      }
      case 'local': {
        // Until the hub adopted what the gateway holds, bases cannot be compared: it stays pending.
        if (session.adopt) return { ...NOTHING, effects: [count('localsHeld')] };
        const context = {
          authorizer: this.#authorizer,
          hubBoot: this.#hubBoot,
          wallMs: moment.wallMs,
        };
        return { ...NOTHING, ...judgeLocal(draft, session, message, context) };
      }
      case 'samples':
        return (
          judgeSamples(draft, session, event, message, {
            ...{ authorizer: this.#authorizer, parked: this.#parked, wallMs: moment.wallMs },
          }) ?? this.#break('the numbers of SAMPLES do not add up')
        );
      case 'result':
        return { ...NOTHING, effects: judgeResult(draft, session, message, moment.wallMs) };
      case 'adopt':
        return judgeAdopt(draft, session, message, {
          authorizer: this.#authorizer,
          hubBoot: this.#hubBoot,
          wallMs: moment.wallMs,
        });
      case 'stored':
        return { ...NOTHING, downlink: [{ kind: 'stored', id: message.id }] };
      case 'unsupported':
        return {
          ...NOTHING,
          effects: [count('unsupportedMessages')],
          downlink: [{ kind: 'unsupported', id: message.id }],
        };
      case 'digest': {
        if (isDiverged(session, message)) return this.#diverge(session, message.state);
        const judged = judgeDigest(this.rows, draft.node, session, message, this.#authorizer);
        const differing = judged.downlink.flatMap((news) =>
          news.kind === 'compared' && !news.equal ? [news.device] : [],
        );
        const due = differing.filter((id) => session.downlink.needsRepair(id, moment.nowMs));
        return withRepairs(draft, this.#hubBoot, judged, session.adopt ? [] : due);
      }
      case 'resend': {
        const asked = [...new Set(message.devices)];
        const own = asked.filter((device) => !this.#authorizer.isForeign(device));
        const due = own.filter((device) => session.downlink.mayResend(device, moment.nowMs));
        const effects = [count('foreignRows', asked.length - own.length)];
        const judged = { ...NOTHING, effects };
        return withRepairs(draft, this.#hubBoot, judged, session.adopt ? [] : due);
      }
      default:
        return this.#break(`a gateway does not send ${message.kind}`);
    }
  }

  #judged(draft: Draft, effects: readonly Effect[]): Judgement {
    return { puts: draft.puts(), claims: [], effects, downlink: [] };
  }

  #end(effects: readonly Effect[]): Judgement {
    return { ...NOTHING, effects: [...effects, { kind: 'node', online: false }], ends: true };
  }

  #break(detail: string): Judgement {
    const session = this.#session;
    if (session === undefined) return NOTHING;
    const close = { kind: 'close', session: session.id, code: 'protocol', detail } as const;
    return this.#end([count('protocolErrors'), close]);
  }

  #diverge({ id, known }: Session, state: number): Judgement {
    const detail = `The gateway counts ${state}, the hub knows ${known}: connect again.`;
    return this.#end([count('protocolErrors'), ...goodbye(id, 'diverged', detail, 'normal')]);
  }

  #open(session: OpenSession, nowMs: number): void {
    this.#commands.opened();
    this.#parked.clear();
    this.#session = {
      ...session,
      downlink: new Downlink(this.rows, {
        isTaken: session.features.includes(HUB_DEVICES),
        held: session.heldDevices,
      }),
      digestDueMs: nowMs + HUB_LIMITS.digestWithinMs,
    };
  }

  /** Gives the keys of desired values that are newly known to be stored. */
  #hear(news: DownlinkNews, nowMs: number): readonly string[] {
    const downlink = this.#session?.downlink;
    switch (news.kind) {
      case 'changed':
        downlink?.changed(news.device, news.property);
        return [];
      case 'device':
        downlink?.deviceChanged(news.device);
        return [];
      case 'compared':
        return downlink?.compared(news.device, news.equal, nowMs) ?? [];
      case 'forgotten':
        downlink?.forget(news.device);
        return [];
      case 'repaired':
        downlink?.repaired(news.device, nowMs);
        return [];
      case 'stored':
        return downlink?.stored(news.id) ?? [];
      case 'unsupported':
        downlink?.unsupported(news.id);
        return [];
    }
  }

  /** Desired values leave never before adoption (I14). */
  #takeDownlink(nowMs: number): Effect[] {
    const session = this.#session;
    if (session === undefined || session.adopt) return [];
    if (nowMs >= session.digestDueMs) {
      session.downlink.sendUnknown();
      this.#session = { ...session, digestDueMs: Infinity };
    }
    return session.downlink
      .take(nowMs)
      .flatMap((message) => [
        count(
          message.kind === 'desired' ? 'desiredRowsSent' : 'hubDevicesSent',
          message.rows.length,
        ),
        send(session.id, { ...message, epoch: session.epoch }, 'twin'),
      ]);
  }

  #recentClones(nowMs: number): readonly number[] {
    return this.#cloneAtMs.filter((atMs) => nowMs - atMs < HUB_LIMITS.cloneWindowMs);
  }
}
