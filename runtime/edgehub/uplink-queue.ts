import type { DeviceId } from '#protocol/device.js';
import { LIMITS } from '#protocol/limits.js';
import type { Ack, Announce, AnnounceRow, State, StateRow } from '#protocol/sync-message.js';
import { compareVersions, NO_VERSION, sameVersion } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import type { Undelivered } from '../alarms/dead-letter.js';
import type { AcknowledgedRows, Uplink } from '../devicetwin/twin-event.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { propertyKey, splitKey } from '../metamanager/tables.js';
import { ForgottenDevices } from './forgotten-devices.js';
import { SendWindow } from './send-window.js';
import { Unanswered } from './unanswered.js';

type Sent = Pick<State, 'kind' | 'rows'> | Pick<Announce, 'kind' | 'rows'>;

/** What an acknowledgement settles, and what of it the hub did not take. */
export interface Accounted {
  readonly rows: AcknowledgedRows;
  /** Devices that the hub does not know although it has taken them: to be announced again. */
  readonly forgotten: readonly DeviceId[];
  readonly undelivered: readonly Undelivered[];
}

/** Bytes around the rows of a message, and around one row: generous. */
const ENVELOPE_BYTES = 256;

/**
 * Durable rows that the hub has not acknowledged: newest per property, in the order in which they
 * became due. The rows of a device wait until its announcement is acknowledged. What a session
 * had in flight is due again in the next one (docs/sync-protocol.md section 4.2).
 */
export class UplinkQueue {
  #rows = new Map<string, StateRow>();
  #announcements = new Map<DeviceId, AnnounceRow>();
  #dueRows = new Set<string>();
  #dueAnnouncements = new Set<DeviceId>();
  #inFlight = new Unanswered<number, Sent>();
  /** The newest label per property that ever confirmed a desired value. */
  #labels = new Map<string, Version>();
  #window: SendWindow;
  #lastId = 0;

  constructor(windowMs: number = GATEWAY_LIMITS.stateWindowMs) {
    this.#window = new SendWindow(windowMs);
  }
  /** Announcements that the hub refused in this session, with its code. */
  #refused = new Map<DeviceId, string>();
  #forgotten = new ForgottenDevices();

  /** Rows and announcements not yet acknowledged. */
  get unsent(): number {
    return this.#rows.size + this.#announcements.size;
  }

  /** When `next` may be called, in monotonic milliseconds. */
  get opensAtMs(): number {
    return this.#window.opensAtMs;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Since when the acknowledgement of a message is missing although a later one came. */
  get overtakenAtMs(): number {
    return this.#inFlight.overtakenAtMs();
  }

  /** Devices whose announcement the hub refused in this session. */
  get refused(): ReadonlyMap<DeviceId, string> {
    return this.#refused;
  }

  add({ announcements, rows }: Uplink): void {
    for (const row of announcements) {
      const known = this.#announcements.get(row.device);
      if (known !== undefined && known.n >= row.n) continue;
      this.#announcements.set(row.device, row);
      this.#dueAnnouncements.add(row.device);
      this.#refused.delete(row.device);
      this.#dropOtherLives(row);
    }
    for (const row of rows) {
      const key = propertyKey(row.device, row.property);
      const known = this.#rows.get(key);
      if (
        known !== undefined &&
        known.n >= row.n &&
        sameVersion(known.incarnation, row.incarnation)
      )
        continue;
      this.#rows.set(key, row);
      this.#dueRows.add(key);
      this.#heedLabel(key, row.desiredVersion);
    }
  }

  /** `uplink` is all that the hub lacks; what is in flight stays so. */
  replace(uplink: Uplink): void {
    this.#rows.clear();
    this.#announcements.clear();
    this.#dueRows.clear();
    this.#dueAnnouncements.clear();
    this.add(uplink);
    for (const { kind, rows } of this.#inFlight.sent()) {
      if (kind === 'state') for (const row of rows) this.#notDue(row);
      else
        for (const row of rows)
          if (this.#announcements.get(row.device)?.n === row.n)
            this.#dueAnnouncements.delete(row.device);
    }
  }

  /** A new session: everything is due. */
  restart(): void {
    this.#inFlight.clear();
    this.#refused.clear();
    this.#forgotten.clear();
    this.#window.open();
    for (const key of this.#rows.keys()) this.#dueRows.add(key);
    for (const device of this.#announcements.keys()) this.#dueAnnouncements.add(device);
  }

  /** Nothing of a device leaves before the hub has taken its announcement. */
  isHeld(device: DeviceId): boolean {
    return (
      this.#announcements.has(device) || this.#refused.has(device) || this.#forgotten.has(device)
    );
  }

  /** An announcement is due or on its way. */
  get isAnnouncing(): boolean {
    if (this.#dueAnnouncements.size > 0) return true;
    for (const { kind } of this.#inFlight.sent()) if (kind === 'announce') return true;
    return false;
  }

  isDue(): boolean {
    if (this.#dueAnnouncements.size > 0) return true;
    for (const key of this.#dueRows) if (this.#sendable(key)) return true;
    return false;
  }

  /** Something that may leave has not left, or an announcement has no answer: all else waits. */
  isWaiting(now: number): boolean {
    if (this.#forgotten.isWaiting) return true;
    for (const device of this.#announcements.keys()) if (!this.#refused.has(device)) return true;
    return now >= this.opensAtMs && this.isDue();
  }

  /** Nothing unsent and nothing in flight, but for what the hub refuses. */
  isQuiet(): boolean {
    return this.#inFlight.size === 0 && !this.isDue() && !this.#forgotten.isWaiting;
  }

  /** The next message that is due, or undefined. */
  next(epoch: number, id: number, bytesMax: number, now: number): State | Announce | undefined {
    const message = this.#nextAnnounce(epoch, id, bytesMax) ?? this.#nextState(epoch, id, bytesMax);
    if (message !== undefined) {
      this.#inFlight.add(id, message);
      this.#lastId = id;
    }
    // A full message is a backlog: what follows it does not wait for the window.
    if (message?.kind === 'state' && !this.isDue()) this.#window.sent(now);
    return message;
  }

  /** What an Ack accounts for; undefined when no such message is in flight. */
  acknowledge(ack: Ack, now: number): Accounted | undefined {
    const sent = this.#inFlight.answered(ack.id, now);
    if (sent === undefined) return undefined;
    const rejected = new Map(ack.rejects.map(({ row, code }) => [row, code]));
    if (sent.kind === 'announce') {
      const undelivered = sent.rows.flatMap((row, index) => refusedRow(row, rejected.get(index)));
      const announced = sent.rows.filter((row, index) => {
        const code = rejected.get(index);
        if (code !== undefined) this.#refused.set(row.device, code);
        else if (this.#announcements.get(row.device)?.n === row.n)
          this.#announcements.delete(row.device);
        return code === undefined;
      });
      return { rows: { reported: [], announced }, forgotten: [], undelivered };
    }
    const known = this.#forgotten.judge(ack.id, sent.rows, rejected);
    for (const row of known.settled) {
      const key = propertyKey(row.device, row.property);
      if (this.#rows.get(key)?.n === row.n) this.#rows.delete(key);
      this.#notDue(row);
    }
    for (const row of known.kept) {
      const key = propertyKey(row.device, row.property);
      if (this.#rows.has(key)) this.#dueRows.add(key);
    }
    const undelivered = sent.rows.flatMap((row, index) =>
      known.kept.includes(row) ? [] : refusedRow(row, rejected.get(index)),
    );
    const { forgotten } = known;
    return { rows: { reported: known.settled, announced: [] }, forgotten, undelivered };
  }

  /** They are announced again, durably: what is rejected of them from here on, stays so. */
  announcedAgain(devices: readonly DeviceId[]): void {
    this.#forgotten.announcedAgain(devices, this.#lastId);
  }

  /** The hub does not know this type of message: its rows wait for another session. */
  park(id: number): boolean {
    return this.#inFlight.drop(id);
  }

  #nextAnnounce(epoch: number, id: number, bytesMax: number): Announce | undefined {
    const rows: AnnounceRow[] = [];
    let bytes = ENVELOPE_BYTES;
    for (const device of this.#dueAnnouncements) {
      const row = this.#announcements.get(device);
      this.#dueAnnouncements.delete(device);
      if (row === undefined) continue;
      const size = encodedBytes(row);
      if (size + ENVELOPE_BYTES > bytesMax) {
        this.#refused.set(device, 'EDGE_LIMIT');
        continue;
      }
      if (rows.length > 0 && bytes + size > bytesMax) {
        this.#dueAnnouncements.add(device);
        break;
      }
      rows.push(row);
      bytes += size;
      if (rows.length === LIMITS.messageRows) break;
    }
    return rows.length === 0 ? undefined : { kind: 'announce', epoch, id, rows };
  }

  #nextState(epoch: number, id: number, bytesMax: number): State | undefined {
    const limit = Math.min(bytesMax, GATEWAY_LIMITS.stateMessageBytes);
    const rows: StateRow[] = [];
    let bytes = ENVELOPE_BYTES;
    for (const key of this.#dueRows) {
      const row = this.#rows.get(key);
      if (row === undefined) this.#dueRows.delete(key);
      if (row === undefined || !this.#sendable(key)) continue;
      const size = encodedBytes(row);
      if (rows.length > 0 && bytes + size > limit) break;
      this.#dueRows.delete(key);
      rows.push(row);
      bytes += size;
      if (rows.length === LIMITS.messageRows) break;
    }
    // Rows of one device stand together, so that the codec writes its name once.
    rows.sort((a, b) => (a.device === b.device ? 0 : a.device < b.device ? -1 : 1));
    return rows.length === 0 ? undefined : { kind: 'state', epoch, id, rows };
  }

  #sendable(key: string): boolean {
    const row = this.#rows.get(key);
    if (row === undefined) return false;
    return !this.isHeld(row.device);
  }

  #heedLabel(key: string, label: Version): void {
    if (compareVersions(label, this.#labels.get(key) ?? NO_VERSION) <= 0) return;
    this.#labels.set(key, label);
    this.#window.hurry();
  }

  #notDue(row: StateRow): void {
    const key = propertyKey(row.device, row.property);
    const known = this.#rows.get(key);
    if (known === undefined || known.n === row.n) this.#dueRows.delete(key);
  }

  #dropOtherLives({ device, incarnation, description }: AnnounceRow): void {
    for (const [key, row] of this.#rows) {
      if (row.device !== device) continue;
      if (description !== null && sameVersion(row.incarnation, incarnation)) continue;
      this.#rows.delete(key);
      this.#dueRows.delete(key);
    }
    if (description === null)
      for (const key of this.#labels.keys())
        if (splitKey(key).device === device) this.#labels.delete(key);
  }
}

/** A row of a life that is over is no loss: its device was deleted or created anew. */
function refusedRow(row: StateRow | AnnounceRow, code: string | undefined): readonly Undelivered[] {
  if (code === undefined || code === 'EDGE_INCARNATION') return [];
  const { device } = row;
  if ('property' in row) return [{ what: 'value', device, property: row.property, code }];
  return [{ what: 'device', device, code }];
}

/** At least what the codec writes: its rows are arrays, without the names of fields. */
function encodedBytes(row: StateRow | AnnounceRow): number {
  return Buffer.byteLength(JSON.stringify(row));
}
