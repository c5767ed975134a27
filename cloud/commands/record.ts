import type { CommandEndState, CommandRecord } from '../store/tables.js';
import type { Draft } from '../store/node-rows.js';
import type { Uptime } from '#journal/os-uptime.js';

/** What HELLO lists and WELCOME confirms. */
export const COMMANDS_FEATURE = 'commands';

/** Neither this process of the hub nor any other gets it back. */
export function isFinal({ state }: CommandRecord): boolean {
  return state === 'done' || state === 'failed' || state === 'expired';
}

/** It waits for its gateway, or its gateway may still know better. */
export function isOpen(record: CommandRecord): boolean {
  const { state, answered } = record;
  return state === 'new' || state === 'sent' || (state === 'unknown' && answered !== true);
}

/** Not ended for those who wait for it. */
export function isPending({ state }: CommandRecord): boolean {
  return state === 'new' || state === 'sent';
}

/** On the clock of this process; -Infinity when its age cannot be known any more. */
export function notAfterMs({ issued, ttlMs }: CommandRecord, uptime: Uptime): number {
  return issued.osBoot === uptime.osBoot ? issuedMs(issued.ms, uptime) + ttlMs : -Infinity;
}

/** CLOCK_MONOTONIC as the Clock of this process would have shown it. */
export function issuedMs(ms: number, uptime: Uptime): number {
  return ms - uptime.offsetMs;
}

/**
 * What is true of a command whose time is over (holes H15 and H16): only the process that
 * accepted it and never sent it knows that nothing happened.
 */
export function endOfTime(record: CommandRecord, hubBoot: string): CommandEndState {
  return record.state === 'new' && record.hubBoot === hubBoot ? 'expired' : 'unknown';
}

/**
 * The hub was found to be restored: whatever an earlier process left may have been sent since, so
 * it is only asked for (holes H14, H15).
 */
export function unbindCommands(draft: Draft, hubBoot: string): void {
  for (const [key, record] of draft.base.all('commands'))
    if (isPending(record) && record.hubBoot !== hubBoot)
      draft.put('commands', key, { ...record, state: 'sent', sentTo: '' });
}

export function ended(record: CommandRecord, end: CommandEnd, wallMs: number): CommandRecord {
  // What an earlier, weaker end said goes: its code is not that of this one.
  const { id, n, device, incarnation, method, args, ttlMs, key, actor, at, hubBoot } = record;
  const { issued, sentTo, endedAt = wallMs } = record;
  return {
    ...{ id, n, device, incarnation, method, args, ttlMs, actor, at, hubBoot, issued },
    ...(key === undefined ? {} : { key }),
    ...(sentTo === undefined ? {} : { sentTo }),
    ...{ endedAt, ...end },
  };
}

export type CommandEnd = Pick<CommandRecord, 'value' | 'code' | 'detail' | 'answered'> & {
  readonly state: CommandEndState;
};
