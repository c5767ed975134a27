import type { Identity } from '#tunnel/transport.js';

/** The transports that are measured. TCP's congestion control is the link's affair. */
export type SubjectName = 'coded' | 'websocket' | 'tcp' | 'mqtt';

/** What a message is worth to the coded transport; the others know no difference. */
export type Worth = 'asap' | 'lean';

/** The end that dials: A. */
export interface Dialled {
  send(message: Buffer, worth: Worth): void;
  /** Writes as much as the transport takes, without end, or so many bytes. */
  stream(bytes: number): void;
  close(): void;
}

/** The end that listens: B. `message` and `bytes` tell what arrived. */
export interface Served {
  readonly message: (message: Uint8Array) => void;
  readonly bytes: (count: number) => void;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  readonly identity: Identity;
  readonly authorities: readonly string[];
}

export interface Subject {
  serve(place: Place, served: Served): Promise<void>;
  dial(place: Place): Promise<Dialled>;
}

/** Milliseconds of the clock that all processes of a machine share. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
