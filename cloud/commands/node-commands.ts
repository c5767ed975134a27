import type { CommandId } from '#protocol/sync-message-command.js';
import { count, send } from '../cloudhub/judgement.js';
import type {
  CommandRequest,
  Effect,
  Judgement,
  Moment,
  OpenSession,
} from '../cloudhub/judgement.js';
import type { Draft, NodeRows } from '../store/node-rows.js';
import { commandKey } from '../store/tables.js';
import type { CommandRecord } from '../store/tables.js';
import { HUB_COMMAND_LIMITS } from './limits.js';
import { judgeRun } from './judge-run.js';
import {
  COMMANDS_FEATURE,
  ended,
  endOfTime,
  isOpen,
  isPending,
  issuedMs,
  notAfterMs,
} from './record.js';
import type { Uptime } from '#journal/os-uptime.js';

/**
 * The commands of one node on their way (docs/sync-protocol.md section 4.6): SENT, bound to the
 * gateway's process, is durable before the command leaves; another process is only asked. What was
 * sent in this session is all that is remembered here; `settle` takes it from what has left.
 */
export class NodeCommands {
  readonly #hubBoot: string;
  readonly #uptime: Uptime;
  #said = new Set<CommandId>();
  #dueMs = Infinity;

  constructor(rows: NodeRows, hubBoot: string, uptime: Uptime) {
    this.#hubBoot = hubBoot;
    this.#uptime = uptime;
    this.restart(rows);
  }

  /** When `dispatch` has something to do without being told; Infinity for never. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** A wish of the API; sent at once if it may be. Throws what `judgeRun` does. */
  run(
    draft: Draft,
    request: CommandRequest,
    session: OpenSession | undefined,
    moment: Moment,
  ): readonly Effect[] {
    const isSupported = session === undefined || takesCommands(session);
    const [hubBoot, uptime] = [this.#hubBoot, this.#uptime];
    const isNew = judgeRun(draft, request, { hubBoot, uptime, ...moment, isSupported });
    if (!isNew) return [];
    const news: Effect[] = [count('commandsAccepted'), { kind: 'command', command: request.id }];
    return [...news, ...this.dispatch(draft, session, moment)];
  }

  /** What may be sent, what is over. Its puts go to the draft, the effects wait for them. */
  dispatch(draft: Draft, session: OpenSession | undefined, moment: Moment): readonly Effect[] {
    const effects: Effect[] = [];
    const present = [...draft.base.all('commands').keys()];
    const keys = new Set([...present, ...draft.changes('commands').keys()]);
    const open = [...keys]
      .flatMap((key) => draft.get('commands', key) ?? [])
      .filter(isOpen)
      .sort((a, b) => a.n - b.n);
    for (const record of open) {
      const next = this.#timed(record, moment);
      if (next === record) continue;
      draft.put('commands', commandKey(draft.node, record.id), next);
      const over = next.state === 'expired' ? 'commandsExpired' : 'commandsUnknown';
      effects.push({ kind: 'command', command: record.id }, count(over));
    }
    if (session === undefined || !takesCommands(session)) return effects;
    return [...effects, ...this.#send(draft, session, open)];
  }

  /** A session begins: what was said in the last one may have been lost with it. */
  opened(): void {
    this.#said = new Set();
  }

  settle(rows: NodeRows, { puts, effects }: Pick<Judgement, 'puts' | 'effects'>): void {
    for (const effect of effects)
      if (effect.kind === 'send' && isAbout(effect.message.kind) && 'command' in effect.message)
        this.#said.add(effect.message.command);
    if (puts.some(({ table }) => table === 'commands')) this.restart(rows);
  }

  restart(rows: NodeRows): void {
    this.#dueMs = Infinity;
    for (const record of rows.all('commands').values())
      if (isPending(record)) this.#dueMs = Math.min(this.#dueMs, notAfterMs(record, this.#uptime));
  }

  #timed(record: CommandRecord, { nowMs, wallMs }: Moment): CommandRecord {
    if (!isPending(record) || nowMs <= notAfterMs(record, this.#uptime)) return record;
    const state = endOfTime(record, this.#hubBoot);
    return state === 'expired'
      ? ended(record, { state, code: 'EDGE_EXPIRED', detail: 'It was never sent.' }, wallMs)
      : ended(
          record,
          {
            state,
            code: 'EDGE_EFFECT_UNKNOWN',
            detail: 'Its time is over and its gateway has not said what became of it.',
          },
          wallMs,
        );
  }

  #send(draft: Draft, session: OpenSession, open: readonly CommandRecord[]): readonly Effect[] {
    const effects: Effect[] = [];
    let { sentInFlight, askedInFlight } = HUB_COMMAND_LIMITS;
    const now = open.map(({ id }) => draft.get('commands', commandKey(draft.node, id)));
    const alive = now.filter((record) => record !== undefined).filter(isOpen);
    for (const record of alive)
      if (this.#said.has(record.id)) {
        if (isBound(record, session)) sentInFlight--;
        else askedInFlight--;
      }
    for (const record of alive) {
      if (this.#said.has(record.id)) continue;
      if (record.state === 'new' || isBound(record, session)) {
        if (sentInFlight-- <= 0) continue;
        if (record.state === 'new') {
          const sent = { ...record, state: 'sent', sentTo: session.boot } as const;
          draft.put('commands', commandKey(draft.node, record.id), sent);
          effects.push({ kind: 'command', command: record.id });
        }
        effects.push(count('commandsSent'), this.#command(session, record));
      } else if (askedInFlight-- > 0) {
        const { id: command } = record;
        const { id, epoch } = session;
        effects.push(count('commandsAsked'), send(id, { kind: 'query', epoch, command }));
      }
    }
    return effects;
  }

  #command({ id, epoch }: OpenSession, record: CommandRecord): Effect {
    const { device, incarnation, method, args, ttlMs, issued } = record;
    return send(id, {
      ...{ kind: 'command', epoch, command: record.id },
      ...{ device, incarnation, method, args, ttlMs },
      issuedMs: issuedMs(issued.ms, this.#uptime),
    });
  }
}

function takesCommands({ features }: OpenSession): boolean {
  return features.includes(COMMANDS_FEATURE);
}

/** Sent to this very process of the gateway, and not beyond its time: it may be sent again. */
function isBound({ state, sentTo }: CommandRecord, { boot }: OpenSession): boolean {
  return state === 'sent' && sentTo === boot;
}

function isAbout(kind: string): boolean {
  return kind === 'command' || kind === 'query';
}
