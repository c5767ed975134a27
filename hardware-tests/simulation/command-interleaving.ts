import { judgeResult } from '#cloud/commands/judge-result.js';
import { NodeCommands } from '#cloud/commands/node-commands.js';

import { unbindCommands } from '#cloud/commands/record.js';
import type { Effect, OpenSession } from '#cloud/cloudhub/judgement.js';
import { Draft, NodeRows } from '#cloud/store/node-rows.js';
import { commandKey, deviceKey } from '#cloud/store/tables.js';
import type { CommandRecord, HubPut } from '#cloud/store/tables.js';
import { EdgeError } from '#protocol/errors.js';
import type { SyncMessage } from '#protocol/sync-message.js';
import type { Result } from '#protocol/sync-message-command.js';
import { distinct, FRESH, ID } from './command-joint.js';
import type { Budget, Disk, Down, Fault, Joint, Move } from './command-joint.js';
import { heard } from './command-past.js';

const NODE = 'pi-1';
const KEY = commandKey(NODE, ID);
const TTL_MS = 1000;
const LATE_MS = 5000;
const LIFE = { gen: 1, n: 1 };
const UPTIME = { osBoot: 'os', offsetMs: 0 };
const DEVICE = {
  ...{ id: 'default/valve', model: 'valve', protocol: 'test', properties: [] },
  methods: [{ name: 'open', properties: [] }],
};

/** Equal for states whose future is the same. */
export function keyOf(state: Joint): string {
  return JSON.stringify({ ...state, gateway: { ...state.gateway, heard: undefined } });
}

/** Every step that either end, the network, time or a fault within the budget may take. */
export function moves(state: Joint, budget: Budget): readonly Move[] {
  const { gateway, hub, session, down, up, spent } = state;
  const may = (fault: Fault): boolean => spent[fault] < budget[fault];
  const list: readonly (Move | false)[] = [
    !state.asked && { name: 'ask', to: ask(state) },
    !state.late && { name: 'time passes', to: { ...state, late: true } },
    session === 0 && { name: 'connect', to: connect(state) },
    ...down.map((message, at) => ({
      name: `gateway hears ${message.kind}`,
      to: gatewayHears({ ...state, down: without(down, at) }, message),
    })),
    ...up.flatMap((message, at) => {
      const rest = { ...state, up: without(up, at) };
      const heard = { name: `hub hears ${message.state}`, to: hubHears(rest, message, true) };
      const died = { name: `${heard.name} and dies`, to: crashHub(hubHears(rest, message, false)) };
      return may('hub-crash') ? [heard, died] : [heard];
    }),
    { name: 'hub looks at its clock', to: dispatch(state) },
    gateway.commits.length > 0 && { name: 'disk of the gateway', to: sync(state) },
    gateway.running === 'due' && { name: 'effect begins', to: begin(state) },
    gateway.running === 'yes' && { name: 'effect ends', to: finish(state) },
    may('cut') && session !== 0 && { name: 'cut', to: cut(spend(state, 'cut')) },
    may('gateway-crash') && {
      name: 'gateway dies',
      to: crashGateway(spend(state, 'gateway-crash')),
    },
    may('hub-crash') && { name: 'hub dies', to: crashHub(state) },
    state.backups.gateway === null &&
      gateway.disk !== null &&
      budget['gateway-restore'] > 0 && {
        name: 'backup of the gateway',
        to: { ...state, backups: { ...state.backups, gateway: gateway.disk } },
      },
    may('gateway-restore') && { name: 'gateway restored', to: restoreGateway(state) },
    state.backups.hub === null &&
      hub.record !== null &&
      budget['hub-restore'] > 0 && {
        name: 'backup of the hub',
        to: { ...state, backups: { ...state.backups, hub: hub.record } },
      },
    ...(may('hub-restore')
      ? [true, false].map((noticed) => ({
          name: `hub restored${noticed ? ', and noticed' : ''}`,
          to: restoreHub(state, noticed),
        }))
      : []),
  ];
  return list.filter((move) => move !== false);
}

/** Nothing fails any more and time goes on: what everybody ends up believing. */
export function settled(state: Joint): Joint {
  let now: Joint = connect(cut({ ...state, late: true }));
  for (let round = 0; round < 64; round++) {
    const before = JSON.stringify(now);
    now = dispatch(now);
    for (const message of now.down)
      now = gatewayHears({ ...now, down: without(now.down, 0) }, message);
    while (now.gateway.commits.length > 0) now = sync(now);
    if (now.gateway.running === 'due') now = begin(now);
    if (now.gateway.running === 'yes') now = finish(now);
    while (now.gateway.commits.length > 0) now = sync(now);
    for (const message of now.up) now = hubHears({ ...now, up: without(now.up, 0) }, message, true);
    if (JSON.stringify(now) === before) return now;
  }
  throw new EdgeError('EDGE_INTERNAL', 'it never comes to rest');
}

function ask(state: Joint): Joint {
  return judged({ ...state, asked: true }, true, (draft, commands, session) =>
    commands.run(
      draft,
      { id: ID, device: DEVICE.id, method: 'open', args: {}, ttlMs: TTL_MS, actor: 'x' },
      session,
      momentOf(state),
    ),
  );
}

function dispatch(state: Joint): Joint {
  return judged(state, true, (draft, commands, session) =>
    commands.dispatch(draft, session, momentOf(state)),
  );
}

function hubHears(state: Joint, message: Result, survives: boolean): Joint {
  return judged(state, survives, (draft, commands, session) => {
    if (session === undefined) return [];
    const effects = judgeResult(draft, session, message, 0);
    return [...effects, ...commands.dispatch(draft, session, momentOf(state))];
  });
}

/** Judge, commit, then effects, as NodeLoop does; one that dies after the commit sends nothing. */
function judged(
  state: Joint,
  survives: boolean,
  judge: (draft: Draft, commands: NodeCommands, session?: OpenSession) => readonly Effect[],
): Joint {
  const { hub } = state;
  const rows = new NodeRows(NODE, hubPuts(hub.record));
  const commands = new NodeCommands(rows, `hub-${hub.boot}`, UPTIME);
  const sent = hub.said.map((kind) => ({ kind, epoch: 1, command: ID }) as SyncMessage);
  const before = sent.map((message): Effect => ({
    kind: 'send',
    session: 1,
    message,
    priority: 'control',
  }));
  commands.settle(rows, { puts: [], effects: before });
  const draft = new Draft(rows);
  const effects = judge(draft, commands, sessionOf(state));
  const record = draft.get('commands', KEY) ?? null;
  checkFinal(state, record);
  const messages = effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
  const down = survives ? messages.filter(isDown) : [];
  const said = down.flatMap(({ kind }) => (kind === 'resack' ? [] : [kind]));
  return {
    ...state,
    hub: { ...hub, record, said: [...hub.said, ...said] },
    down: distinct([...state.down, ...down]),
  };
}

function connect(state: Joint): Joint {
  const opened = { ...state, session: state.gateway.boot, hub: { ...state.hub, said: [] } };
  return dispatch(heard(opened, { kind: 'open' }));
}

function cut(state: Joint): Joint {
  const lost = { ...state, session: 0, down: [], up: [] };
  return state.session === state.gateway.boot ? heard(lost, { kind: 'close' }) : lost;
}

function gatewayHears(state: Joint, message: Down): Joint {
  const now = momentOf(state).nowMs;
  return heard(state, { kind: 'message', message, now });
}

function sync(state: Joint): Joint {
  const [commit, ...commits] = state.gateway.commits;
  if (commit === undefined) return state;
  const synced = { ...state, gateway: { ...state.gateway, disk: commit.row, commits } };
  return commit.soon ? synced : heard(synced, { kind: 'durable', nth: commit.nth });
}

function begin(state: Joint): Joint {
  if (state.late) {
    const ended = { ...state, gateway: { ...state.gateway, running: 'no' as const } };
    return heard(ended, { kind: 'ended', state: 'expired' });
  }
  const effects = state.effects + 1;
  if (effects > 1) throw new EdgeError('EDGE_INTERNAL', 'I6: a second effect');
  return { ...state, effects, gateway: { ...state.gateway, running: 'yes' } };
}

function finish(state: Joint): Joint {
  const ended = { ...state, gateway: { ...state.gateway, running: 'no' as const } };
  return heard(ended, { kind: 'ended', state: 'done' });
}

function crashGateway(state: Joint): Joint {
  return startGateway(state, state.gateway.disk);
}

function restoreGateway(state: Joint): Joint {
  return startGateway(spend(state, 'gateway-restore'), state.backups.gateway);
}

function startGateway(state: Joint, disk: Disk): Joint {
  const boot = state.gateway.boot + 1;
  const lost = { ...state, session: 0, down: [], up: [] };
  const gateway = { boot, disk, diskAtStart: disk, heard: [], ...FRESH };
  return heard({ ...lost, gateway }, undefined);
}

function crashHub(state: Joint): Joint {
  const boot = state.hub.boot + 1;
  return cut({ ...spend(state, 'hub-crash'), hub: { ...state.hub, boot, said: [] } });
}

/** Noticed: HELLO showed that desired values went back, before anything of commands was sent. */
function restoreHub(state: Joint, noticed: boolean): Joint {
  const boot = state.hub.boot + 1;
  const hub = { boot, record: state.backups.hub, said: [] };
  const restored = cut({ ...spend(state, 'hub-restore'), hub });
  if (!noticed) return restored;
  return judged(restored, true, (draft) => {
    unbindCommands(draft, `hub-${boot}`);
    return [];
  });
}

/** Every final answer is true, and stays. */
function checkFinal({ hub, effects }: Joint, after: CommandRecord | null): void {
  const before = hub.record?.state;
  const state = after?.state;
  const stays = before === 'done' || before === 'failed' || before === 'expired';
  if (stays && state !== before)
    throw new EdgeError('EDGE_INTERNAL', `${before} became ${state ?? 'nothing'}`);
  if (state === 'done' && effects !== 1)
    throw new EdgeError('EDGE_INTERNAL', 'done without effect');
  if (state === 'expired' && effects !== 0)
    throw new EdgeError('EDGE_INTERNAL', 'expired, but it had its effect');
  if (state === 'failed') throw new EdgeError('EDGE_INTERNAL', 'nothing fails here');
}

function hubPuts(record: CommandRecord | null): HubPut[] {
  const device = { incarnation: LIFE, version: LIFE, description: DEVICE };
  return [
    { table: 'devices', key: deviceKey(NODE, DEVICE.id), row: device },
    ...(record === null ? [] : [{ table: 'commands', key: KEY, row: record } as const]),
  ];
}

function sessionOf({ session }: Joint): OpenSession | undefined {
  if (session === 0) return undefined;
  return {
    ...{ id: 1, epoch: 1, lineage: '', gen: 1, known: 0, adopt: false },
    ...{ boot: `gateway-${session}`, features: ['commands'] },
  };
}

function momentOf({ late }: Joint): { nowMs: number; wallMs: number } {
  return { nowMs: late ? LATE_MS : 0, wallMs: 0 };
}

function spend(state: Joint, fault: Fault): Joint {
  return { ...state, spent: { ...state.spent, [fault]: state.spent[fault] + 1 } };
}

function isDown(message: SyncMessage): message is Down {
  return message.kind === 'command' || message.kind === 'query' || message.kind === 'resack';
}

function without<T>(list: readonly T[], at: number): readonly T[] {
  return list.filter((_, index) => index !== at);
}
