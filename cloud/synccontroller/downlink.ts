import type { DeviceId } from '#protocol/device.js';
import type { DesiredRow, DesiredState, HubDevices } from '#protocol/sync-message-desired.js';
import { compareVersions, sameVersion } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { canonicalJson } from '#protocol/digest.js';
import { HUB_LIMITS } from '../limits.js';
import type { NodeRows } from '../store/node-rows.js';
import { deviceKey, deviceOfKey, propertyKey, propertyOfKey } from '../store/tables.js';
import { DeviceDownlink, laterChars } from './device-downlink.js';

/**
 * What the gateway of ONE session lacks of the desired values, newest only. It lives and dies with
 * the session: what an earlier one had stored may have been on a card that is restored now (hole
 * H27). Until a device's digest was compared nothing is known of it; devices whose digest does not
 * come in time get all their rows, which costs bytes and nothing else.
 */
export class Downlink {
  readonly #rows: NodeRows;
  /** Devices whose old values were compared, or sent. */
  readonly #known = new Set<DeviceId>();
  /** Property keys to send; their values are taken when they are sent. */
  readonly #waiting = new Set<string>();
  readonly #inFlight = new Map<number, InFlight>();
  readonly #stored = new Map<string, Version>();
  /** Devices that differed although everything was stored, once: a late digest says that too. */
  readonly #suspects = new Set<DeviceId>();
  readonly #repairedMs = new Map<DeviceId, number>();
  readonly #devices: DeviceDownlink;
  #lastId = 0;

  /** `devices`: whether the gateway takes devices of the hub, and which it holds. */
  constructor(rows: NodeRows, devices: { isTaken: boolean; held?: string | undefined }) {
    this.#rows = rows;
    this.#devices = new DeviceDownlink(rows, devices.isTaken, devices.held);
  }

  /** The device was created, changed or deleted here. */
  deviceChanged(device: DeviceId): void {
    this.#devices.changed(device);
  }

  /** Nothing that was said of devices counts any more. */
  sendDevices(): void {
    this.#devices.sendAll();
  }

  /** True when this session's gateway holds the device as it is here. */
  isDeviceStored(device: DeviceId): boolean {
    return !this.#devices.isHeld(device);
  }

  /** True when this session's gateway said that it holds this very version. */
  isStored(key: string, version: Version): boolean {
    const stored = this.#stored.get(key);
    return stored !== undefined && sameVersion(stored, version);
  }

  changed(device: DeviceId, property: string): void {
    this.#waiting.add(propertyKey(this.#rows.name, device, property));
  }

  /**
   * The gateway's digest of the desired values was compared with what the hub holds. Gives the
   * property keys that are newly known to be stored. What has been under way for long counts as
   * lost from then on: a STORED that never came must not block the way for ever.
   */
  compared(device: DeviceId, equal: boolean, nowMs: number): string[] {
    const lost = this.#giveUp(nowMs);
    const first = !this.#known.has(device);
    this.#known.add(device);
    if (equal) {
      this.#suspects.delete(device);
      for (const key of lost) this.#waiting.add(key);
      return this.#versions(device).flatMap(([key, version]) => {
        this.#waiting.delete(key);
        return this.#store(key, version);
      });
    }
    for (const key of lost) this.#waiting.add(key);
    if (first) this.#sendAll(device);
    else if (this.#isSettled(device)) this.#suspects.add(device);
    return [];
  }

  /**
   * True when a device that differs again needs new numbers: everything of it is stored, so its
   * gateway holds the same versions with other values (hole H30).
   */
  needsRepair(device: DeviceId, nowMs: number): boolean {
    const repairedMs = this.#repairedMs.get(device);
    const isDue = repairedMs === undefined || nowMs - repairedMs >= HUB_LIMITS.repairEveryMs;
    return this.#suspects.has(device) && this.#isSettled(device) && isDue;
  }

  repaired(device: DeviceId, nowMs: number): void {
    this.#suspects.delete(device);
    this.#repairedMs.set(device, nowMs);
  }

  /** True when the gateway may ask for the device's values under new numbers now. */
  mayResend(device: DeviceId, nowMs: number): boolean {
    const repairedMs = this.#repairedMs.get(device);
    return repairedMs === undefined || nowMs - repairedMs >= HUB_LIMITS.repairEveryMs;
  }

  /** A device ended or began a new life: nothing that was said of it counts. */
  forget(device: DeviceId): void {
    this.#suspects.delete(device);
    this.#repairedMs.delete(device);
    for (const keys of [this.#waiting, this.#stored])
      for (const key of keys.keys()) if (deviceOfKey(key) === device) keys.delete(key);
  }

  /** The gateway made message `id` durable. Gives the property keys that this changes. */
  stored(id: number): string[] {
    if (this.#devices.stored(id)) return [];
    const versions = [...(this.#inFlight.get(id)?.versions ?? [])];
    this.#inFlight.delete(id);
    return versions.flatMap(([key, version]) => this.#store(key, version));
  }

  /** The gateway does not know this type of message: its rows are parked for the session. */
  unsupported(id: number): void {
    this.#inFlight.delete(id);
  }

  /** No digest will come any more for the devices that are not known yet: send them all. */
  sendUnknown(): void {
    for (const key of this.#rows.all('devices').keys()) {
      const device = deviceOfKey(key);
      if (this.#known.has(device)) continue;
      this.#known.add(device);
      this.#sendAll(device);
    }
  }

  /** The next messages that may leave, within the limits of what may be in flight. */
  take(nowMs: number): DownlinkMessage[] {
    const messages: DownlinkMessage[] = this.#devices
      .take(nowMs, () => ++this.#lastId)
      .map((message) => ({ kind: 'devices', ...message }));
    while (this.#inFlight.size < HUB_LIMITS.desiredInFlight && this.#waiting.size > 0) {
      const rows = this.#nextRows();
      if (rows.length === 0) break;
      const id = ++this.#lastId;
      const keys = rows.map(
        ({ device, property, version }) =>
          [propertyKey(this.#rows.name, device, property), version] as const,
      );
      this.#inFlight.set(id, { versions: new Map(keys), sentMs: nowMs });
      messages.push({ kind: 'desired', id, rows });
    }
    return messages;
  }

  /** Keys of messages without an answer for too long. */
  #giveUp(nowMs: number): string[] {
    const keys: string[] = [];
    for (const [id, { versions, sentMs }] of this.#inFlight) {
      if (nowMs - sentMs < HUB_LIMITS.storedWithinMs) continue;
      this.#inFlight.delete(id);
      keys.push(...versions.keys());
    }
    return keys;
  }

  #nextRows(): DesiredRow[] {
    const rows: DesiredRow[] = [];
    let bytes = 0;
    for (const key of this.#waiting) {
      // Values of a device that the gateway does not know yet would be stored nowhere.
      if (this.#devices.isHeld(deviceOfKey(key))) continue;
      const row = this.#row(key);
      const size = row === undefined ? 0 : canonicalJson(row.value).length + laterChars(row);
      const full = rows.length >= HUB_LIMITS.desiredRows || bytes + size > HUB_LIMITS.desiredBytes;
      if (full && rows.length > 0) break;
      this.#waiting.delete(key);
      if (row === undefined) continue;
      rows.push(row);
      bytes += size;
    }
    return rows;
  }

  #row(key: string): DesiredRow | undefined {
    const [device, property] = [deviceOfKey(key), propertyOfKey(key)];
    const record = this.#rows.get('desired', key);
    const incarnation = this.#rows.get('devices', deviceKey(this.#rows.name, device))?.incarnation;
    if (record === undefined || incarnation === undefined) return undefined;
    const { version, value, origin, since, later } = record;
    return {
      ...{ device, incarnation, property, version, value },
      ...(origin === undefined ? {} : { origin }),
      ...(since === undefined ? {} : { since }),
      ...(later === undefined ? {} : { later }),
    };
  }

  /** Messages arrive in any order: an older version never replaces a newer one. */
  #store(key: string, version: Version): string[] {
    const known = this.#stored.get(key);
    if (known !== undefined && compareVersions(version, known) <= 0) return [];
    this.#stored.set(key, version);
    return [key];
  }

  #sendAll(device: DeviceId): void {
    for (const [key] of this.#versions(device)) this.#waiting.add(key);
  }

  /** Everything of the device was said to be stored in this session, at its present version. */
  #isSettled(device: DeviceId): boolean {
    return this.#versions(device).every(([key, version]) => this.isStored(key, version));
  }

  #versions(device: DeviceId): (readonly [string, Version])[] {
    const row = this.#rows.get('devices', deviceKey(this.#rows.name, device));
    return (row?.description?.properties ?? []).flatMap(({ name }) => {
      const key = propertyKey(this.#rows.name, device, name);
      const version = this.#rows.get('desired', key)?.version;
      return version === undefined ? [] : [[key, version] as const];
    });
  }
}

export type DownlinkMessage = Omit<DesiredState, 'epoch'> | Omit<HubDevices, 'epoch'>;

interface InFlight {
  readonly versions: ReadonlyMap<string, Version>;
  readonly sentMs: number;
}
