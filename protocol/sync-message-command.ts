import type { DeviceId } from './device.js';
import type { Value, Version } from './twin.js';

/** Made by the hub, random: 16 hexadecimal digits. */
export type CommandId = string;

/**
 * h>g: do this once, or not at all (docs/sync-protocol.md section 4.6). Sent only to the gateway
 * process it is bound to; after another boot the hub asks with Query instead.
 */
export interface Command {
  readonly kind: 'command';
  readonly epoch: number;
  readonly command: CommandId;
  readonly device: DeviceId;
  /** The life of the device it was meant for. */
  readonly incarnation: Version;
  readonly method: string;
  readonly args: Value;
  /** Milliseconds from `issuedMs` after which it must have no effect any more. */
  readonly ttlMs: number;
  /** In the monotonic milliseconds of the hub, as Welcome.monotonicMs. */
  readonly issuedMs: number;
}

/** `never-seen` and `running` answer a Query only and are not final. */
export type CommandState = 'done' | 'failed' | 'expired' | 'unknown' | 'never-seen' | 'running';

/** g>h: durable on the gateway; repeated until Resack when final. */
export interface Result {
  readonly kind: 'result';
  readonly epoch: number;
  readonly command: CommandId;
  readonly state: CommandState;
  /** What the device answered, when done. */
  readonly value?: Value;
  /** Why it failed. */
  readonly code?: string;
  readonly detail?: string;
}

/** h>g: the result is durable at the hub. */
export interface Resack {
  readonly kind: 'resack';
  readonly epoch: number;
  readonly command: CommandId;
}

/** h>g: what became of it? Answered by Result. */
export interface Query {
  readonly kind: 'query';
  readonly epoch: number;
  readonly command: CommandId;
}
