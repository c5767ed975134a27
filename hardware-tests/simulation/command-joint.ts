import type { CommandRecord } from '#cloud/store/tables.js';
import type { Command, Query, Resack, Result } from '#protocol/sync-message-command.js';
import type { CommandRow } from '#runtime/metamanager/tables.js';

/** The one command that there is. */
export const ID = '00000000000000aa';

/**
 * Both ends of commands, as shipped, joined by a network that delivers in any order and loses what
 * is under way with its session. A state is plain data; `moves` gives every next one. The machines
 * are made anew from it: the gateway's from its disk at its start and what it heard since.
 */
export interface Joint {
  readonly gateway: {
    readonly boot: number;
    readonly disk: Disk;
    readonly diskAtStart: Disk;
    readonly heard: readonly Heard[];
    /** What a machine with that past says of itself. */
    readonly print: string;
    /** Commits under way, in order; `nth` since the start of the process. */
    readonly commits: readonly Commit[];
    /** ACCEPTED is durable; the effect is under way. */
    readonly running: 'no' | 'due' | 'yes';
  };
  readonly hub: {
    readonly boot: number;
    readonly record: CommandRecord | null;
    readonly said: readonly ('command' | 'query')[];
  };
  /** The gateway's process that the session is with; 0: none. */
  readonly session: number;
  readonly down: readonly Down[];
  readonly up: readonly Result[];
  readonly late: boolean;
  readonly effects: number;
  readonly asked: boolean;
  readonly backups: { readonly gateway: Disk | null; readonly hub: CommandRecord | null };
  readonly spent: Readonly<Record<Fault, number>>;
}

export type Fault = 'cut' | 'gateway-crash' | 'gateway-restore' | 'hub-crash' | 'hub-restore';
export type Budget = Readonly<Record<Fault, number>>;

export type Disk = CommandRow | null;
export interface Commit {
  readonly nth: number;
  readonly row: Disk;
  /** Nobody waits for it. */
  readonly soon: boolean;
}
export type Down = Command | Query | Resack;
export type Heard =
  | { readonly kind: 'message'; readonly message: Down; readonly now: number }
  | { readonly kind: 'durable'; readonly nth: number }
  | { readonly kind: 'ended'; readonly state: 'done' | 'expired' }
  | { readonly kind: 'open' }
  | { readonly kind: 'close' };

export interface Move {
  readonly name: string;
  readonly to: Joint;
}

export const FRESH = { print: '', commits: [], running: 'no' } as const;

export const START: Joint = {
  gateway: { ...{ boot: 1, disk: null, diskAtStart: null, heard: [] }, ...FRESH },
  hub: { boot: 1, record: null, said: [] },
  ...{ session: 0, down: [], up: [], late: false, effects: 0, asked: false },
  backups: { gateway: null, hub: null },
  spent: {
    ...{ cut: 0, 'gateway-crash': 0, 'gateway-restore': 0 },
    ...{ 'hub-crash': 0, 'hub-restore': 0 },
  },
};

/** Two copies of a message do what one does twice; that is what `moves` may do anyway. */
export function distinct<T>(messages: readonly T[]): readonly T[] {
  return [...new Map(messages.map((message) => [JSON.stringify(message), message])).values()];
}
