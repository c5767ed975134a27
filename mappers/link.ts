import type { EdgeError } from '#protocol/errors.js';

/** A byte pipe to a device or bus: a serial port or a TCP connection. */
export interface Link {
  /** Ignored when the link is not open. */
  send(bytes: Uint8Array): void;
  /** Idempotent; resolves when the port or socket is released. No event comes after the call. */
  close(): Promise<void>;
}

export interface LinkEvents {
  opened(): void;
  received(bytes: Uint8Array): void;
  /** Once, also when it could not be opened; nothing comes after it. */
  closed(cause: EdgeError): void;
}

/** Begins to open a link. Never throws: what goes wrong comes as `closed`, in a later turn. */
export type OpenLink = (events: LinkEvents) => Link;
