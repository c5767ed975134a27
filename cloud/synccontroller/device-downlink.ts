import type { DeviceId } from '#protocol/device.js';
import { hubDevicesDigest } from '#protocol/hub-device.js';
import type { HubDeviceRow } from '#protocol/sync-message-desired.js';
import { HUB_LIMITS } from '../limits.js';
import type { NodeRows } from '../store/node-rows.js';
import { deviceKey, deviceOfKey } from '../store/tables.js';

/**
 * The devices of this hub that the gateway of ONE session lacks, newest only. HELLO tells by one
 * digest whether it has what this hub has; if not, it gets all of them, tombstones too.
 */
export class DeviceDownlink {
  readonly #rows: NodeRows;
  readonly #isTaken: boolean;
  readonly #waiting = new Set<DeviceId>();
  readonly #inFlight = new Map<
    number,
    { readonly devices: readonly DeviceId[]; readonly sentMs: number }
  >();

  /** `isTaken`: the gateway takes devices at all. `held`: what HELLO showed. */
  constructor(rows: NodeRows, isTaken: boolean, held: string | undefined) {
    this.#rows = rows;
    this.#isTaken = isTaken;
    if (held !== digestOf(rows)) this.sendAll();
  }

  sendAll(): void {
    for (const key of this.#rows.all('hubDevices').keys()) this.#waiting.add(deviceOfKey(key));
  }

  changed(device: DeviceId): void {
    this.#waiting.add(device);
  }

  /** The gateway has not said yet that it holds this device as it is: its values wait. */
  isHeld(device: DeviceId): boolean {
    if (this.#waiting.has(device)) return true;
    for (const { devices } of this.#inFlight.values()) if (devices.includes(device)) return true;
    return false;
  }

  /** True when the message was one of these. */
  stored(id: number): boolean {
    return this.#inFlight.delete(id);
  }

  /** The next messages that may leave. */
  take(
    nowMs: number,
    nextId: () => number,
  ): { readonly id: number; readonly rows: readonly HubDeviceRow[] }[] {
    if (!this.#isTaken) return [];
    for (const [id, { devices, sentMs }] of this.#inFlight) {
      if (nowMs - sentMs < HUB_LIMITS.storedWithinMs) continue;
      this.#inFlight.delete(id);
      for (const device of devices) this.#waiting.add(device);
    }
    const messages: { id: number; rows: HubDeviceRow[] }[] = [];
    while (this.#inFlight.size < HUB_LIMITS.devicesInFlight && this.#waiting.size > 0) {
      const rows = this.#nextRows();
      if (rows.length === 0) break;
      const id = nextId();
      this.#inFlight.set(id, { devices: rows.map(({ device }) => device), sentMs: nowMs });
      messages.push({ id, rows });
    }
    return messages;
  }

  #nextRows(): HubDeviceRow[] {
    const rows: HubDeviceRow[] = [];
    let chars = 0;
    for (const device of this.#waiting) {
      const told = this.#rows.get('hubDevices', deviceKey(this.#rows.name, device));
      const size = told === undefined ? 0 : (told.documents?.length ?? 0) + laterChars(told);
      const isFull =
        rows.length >= HUB_LIMITS.desiredRows || chars + size > HUB_LIMITS.desiredBytes;
      if (isFull && rows.length > 0) break;
      this.#waiting.delete(device);
      if (told === undefined) continue;
      const { version, incarnation, documents, later } = told;
      const row = { device, version, incarnation, documents };
      rows.push(later === undefined ? row : { ...row, later });
      chars += size;
    }
    return rows;
  }
}

/** What only a newer peer understands of a row takes its place in a message too. */
export function laterChars({ later }: { readonly later?: readonly unknown[] }): number {
  return later === undefined ? 0 : JSON.stringify(later).length;
}

function digestOf(rows: NodeRows): string | undefined {
  const live = [...rows.all('hubDevices')].filter(([, { documents }]) => documents !== null);
  return hubDevicesDigest(
    live.map(([key, { version }]) => ({ device: deviceOfKey(key), version })),
  );
}
