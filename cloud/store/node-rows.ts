import type { DeviceDescription, DeviceId } from '#protocol/device.js';
import { deviceKey } from './tables.js';
import type { DeviceRow, HubPut, HubTable, HubTables } from './tables.js';

type Maps = { readonly [T in HubTable]: Map<string, HubTables[T]> };
type Overlays = { readonly [T in HubTable]: Map<string, HubTables[T] | null> };

/** Rows of one node, to read. */
export interface Rows {
  get<T extends HubTable>(table: T, key: string): HubTables[T] | undefined;
}

/** The durable rows of one node, as memory has them: changed only by puts that are synced. */
export class NodeRows implements Rows {
  readonly name: string;
  readonly #maps: Maps = emptyMaps();

  constructor(name: string, puts: Iterable<HubPut> = []) {
    this.name = name;
    this.apply(puts);
  }

  get<T extends HubTable>(table: T, key: string): HubTables[T] | undefined {
    const map: Map<string, HubTables[T]> = this.#maps[table];
    return map.get(key);
  }

  all<T extends HubTable>(table: T): ReadonlyMap<string, HubTables[T]> {
    return this.#maps[table];
  }

  apply(puts: Iterable<HubPut>): void {
    for (const put of puts) {
      const map: Map<string, unknown> = this.#maps[put.table];
      if (put.row === null) map.delete(put.key);
      else map.set(put.key, put.row);
    }
  }
}

/** A transaction in the making: reads see what was put before. */
export class Draft implements Rows {
  readonly base: NodeRows;
  readonly #overlays: Overlays = emptyMaps();

  constructor(base: NodeRows) {
    this.base = base;
  }

  get node(): string {
    return this.base.name;
  }

  get<T extends HubTable>(table: T, key: string): HubTables[T] | undefined {
    const overlay: Map<string, HubTables[T] | null> = this.#overlays[table];
    const row = overlay.get(key);
    return row === undefined ? this.base.get(table, key) : (row ?? undefined);
  }

  put<T extends HubTable>(table: T, key: string, row: HubTables[T]): void {
    const overlay: Map<string, HubTables[T] | null> = this.#overlays[table];
    overlay.set(key, row);
  }

  /** Puts nothing when there is no such row. */
  remove(table: HubTable, key: string): void {
    if (this.get(table, key) !== undefined) this.#overlays[table].set(key, null);
  }

  /** What this draft puts and, as null, removes in a table. */
  changes<T extends HubTable>(table: T): ReadonlyMap<string, HubTables[T] | null> {
    return this.#overlays[table];
  }

  puts(): HubPut[] {
    return Object.entries(this.#overlays).flatMap(([table, overlay]) =>
      Array.from<[string, unknown], HubPut>(
        overlay,
        ([key, row]) => ({ table, key, row }) as HubPut,
      ),
    );
  }
}

export interface LiveDevice extends DeviceRow {
  readonly description: DeviceDescription;
}

/** The device, unless it is unknown or a tombstone. */
export function liveDevice(rows: Rows, node: string, device: DeviceId): LiveDevice | undefined {
  const row = rows.get('devices', deviceKey(node, device));
  return row !== undefined && isLive(row) ? row : undefined;
}

export function liveDevices(rows: NodeRows): LiveDevice[] {
  return [...rows.all('devices').values()].filter(isLive);
}

export function isLive(row: DeviceRow): row is LiveDevice {
  return row.description !== null;
}

function emptyMaps(): Maps {
  return {
    nodes: new Map(),
    lineages: new Map(),
    numberings: new Map(),
    devices: new Map(),
    hubDevices: new Map(),
    reported: new Map(),
    desired: new Map(),
    locals: new Map(),
    conflicts: new Map(),
    commands: new Map(),
    histories: new Map(),
  };
}
