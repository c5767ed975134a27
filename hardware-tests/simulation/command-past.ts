import type { Result } from '#protocol/sync-message-command.js';
import { CommandMachine } from '#runtime/commands/command-machine.js';
import type { CommandEffect, CommandRows } from '#runtime/commands/command-machine.js';
import { distinct, ID } from './command-joint.js';
import type { Heard, Joint } from './command-joint.js';

/** The gateway after one more event, found by all that it heard; undefined: its start. */
export function heard(state: Joint, event: Heard | undefined): Joint {
  const { gateway, session } = state;
  const disk = gateway.diskAtStart;
  const machine = new CommandMachine(disk === null ? [] : [[ID, disk]], 0);
  const committed: CommandRows[] = [];
  const take = (effects: readonly CommandEffect[]): readonly CommandEffect[] => {
    for (const effect of effects) if (effect.kind !== 'run') committed.push(effect.rows);
    return effects;
  };
  let effects = take(machine.start());
  let results: readonly Result[] = [];
  const past = event === undefined ? [] : [...gateway.heard, event];
  for (const one of past) {
    effects = take(replay(machine, one, committed));
    results = drained(machine);
  }
  const next = { ...after(gateway, effects, committed.length), heard: past };
  machine.query({ kind: 'query', epoch: 1, command: ID });
  const said = machine.next(1, 0)?.state ?? 'silent';
  const print = [said, machine.inFlight, machine.openCommands, machine.kept].join();
  const up = session === gateway.boot ? distinct([...state.up, ...results]) : state.up;
  return { ...state, up, gateway: { ...next, print } };
}

function replay(
  machine: CommandMachine,
  event: Heard,
  committed: readonly CommandRows[],
): readonly CommandEffect[] {
  switch (event.kind) {
    case 'message': {
      const { message, now } = event;
      if (message.kind === 'command')
        return machine.command(message, message.issuedMs + message.ttlMs, undefined, now);
      if (message.kind === 'resack') return machine.resack(message, now);
      machine.query(message);
      return [];
    }
    case 'durable':
      return machine.durable(committed[event.nth] ?? []);
    case 'ended':
      return machine.ended(ID, { state: event.state });
    case 'open':
      machine.open();
      return [];
    case 'close':
      machine.close();
      return [];
  }
}

function drained(machine: CommandMachine): readonly Result[] {
  const results: Result[] = [];
  for (let next; (next = machine.next(1, 0)) !== undefined;) results.push(next);
  return results;
}

function after(
  gateway: Joint['gateway'],
  effects: readonly CommandEffect[],
  committed: number,
): Joint['gateway'] {
  let { commits, running } = gateway;
  let nth = committed - effects.filter(({ kind }) => kind !== 'run').length;
  for (const effect of effects) {
    if (effect.kind === 'run') running = 'due';
    else {
      const row = effect.rows[0]?.[1] ?? null;
      commits = [...commits, { nth: nth++, row, soon: effect.kind === 'commit-soon' }];
    }
  }
  return { ...gateway, commits, running };
}
