import type { ConnectionStats, Identity } from '#tunnel/transport.js';

/** The transports that are measured. TCP's congestion control is the link's affair. */
export type SubjectName = 'coded' | 'websocket' | 'tcp' | 'mqtt';

/** What a message is worth to the coded transport; the others know no difference. */
export type Worth = 'asap' | 'lean';

/** What an end hears: a message, bytes of a stream or of messages, the end of the connection. */
export interface Heard {
  readonly message: (message: Uint8Array) => void;
  readonly bytes: (count: number) => void;
  readonly closed: () => void;
}

/** A connection at either end. */
export interface Link {
  /** False: not taken. */
  send(message: Buffer, worth: Worth): boolean;
  /** Writes as much as the transport takes, without end, or so many bytes. */
  stream(bytes: number): void;
  close(): void;
  stats(): ConnectionStats | undefined;
}

export interface Place {
  readonly host: string;
  readonly port: number;
  readonly identity: Identity;
  readonly authorities: readonly string[];
  /** TCP shall be measured, not how soon a keep-alive gives it up. */
  readonly patient: boolean;
}

export interface Subject {
  /** `joined`: somebody dialled. */
  serve(place: Place, heard: Heard, joined: (link: Link) => void): Promise<void>;
  dial(place: Place, heard: Heard): Promise<Link>;
}

/** Milliseconds of the clock that all processes of a machine share. */
export function monotonic(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
