import type { DeviceId } from '#protocol/device.js';
import type { Desired, Version } from '#protocol/twin.js';
import { propertyKey } from '../metamanager/tables.js';
import type {
  AppliedRow,
  DeviceRow,
  IdentityRow,
  LocalWrites,
  ReportedRow,
} from '../metamanager/tables.js';
import { Transaction } from '../metamanager/transaction.js';
import type { TableReader } from '../metamanager/transaction.js';
import type { Touched, Transition } from './twin-event.js';
import { reportedOf, uplinkOf } from './twin-rows.js';

/** A transition in the making: rows of one transaction, and what they touch. */
export class Draft {
  readonly rows: Transaction;
  #touched = new Map<string, Touched>();
  #devices = new Set<DeviceId>();
  #reported = new Set<string>();
  #locals = new Set<string>();
  #added: DeviceId[] = [];
  #removed: DeviceId[] = [];
  #lid: Version | undefined;
  #droppedLocals = 0;

  constructor(tables: TableReader, boot: string) {
    this.rows = new Transaction(tables, boot);
  }

  identity(change: Partial<IdentityRow>): void {
    const row = { ...this.rows.identity(), ...change };
    this.rows.put({ table: 'identity', key: 'self', row });
  }

  device(id: DeviceId, row: DeviceRow): void {
    this.#devices.add(id);
    this.rows.put({ table: 'devices', key: id, row });
  }

  added(id: DeviceId): void {
    this.#added.push(id);
  }

  removed(id: DeviceId): void {
    this.#removed.push(id);
  }

  reported(device: DeviceId, property: string, row: ReportedRow): void {
    const key = propertyKey(device, property);
    this.#touch('reported', device, property, key);
    this.#reported.add(key);
    this.rows.put({ table: 'reported', key, row });
  }

  /** Acknowledged state of a row as it is: `undefined` makes it unsent. */
  acknowledged(key: string, n: number | undefined): void {
    this.#reported.add(key);
    if (this.rows.get('acknowledged', key) === n) return;
    this.rows.put({ table: 'acknowledged', key, row: n ?? null });
  }

  announced(device: DeviceId, n: number | undefined): void {
    this.#devices.add(device);
    if (this.rows.get('announced', device) === n) return;
    this.rows.put({ table: 'announced', key: device, row: n ?? null });
  }

  /** What the device should hold changes without a new desired row: a local write was decided. */
  retarget(device: DeviceId, property: string): void {
    this.#touch('desired', device, property, propertyKey(device, property));
  }

  desired(device: DeviceId, property: string, row: Desired): void {
    const key = propertyKey(device, property);
    this.#touch('desired', device, property, key);
    this.rows.put({ table: 'desired', key, row });
  }

  applied(device: DeviceId, property: string, row: AppliedRow): void {
    this.rows.put({ table: 'applied', key: propertyKey(device, property), row });
  }

  locals(key: string, row: LocalWrites): void {
    this.#locals.add(key);
    const empty = row.pending === undefined && row.lost.length === 0;
    if (empty && this.rows.get('locals', key) === undefined) return;
    this.rows.put({ table: 'locals', key, row: empty ? null : row });
  }

  localWrite(lid: Version, dropped: number): void {
    this.#lid = lid;
    this.#droppedLocals += dropped;
  }

  end(): Transition {
    return {
      puts: this.rows.puts(),
      touched: [...this.#touched.values()],
      added: this.#added,
      removed: this.#removed,
      uplink: uplinkOf(this.rows, this.#devices, this.#reported, this.#locals),
      ...(this.#lid === undefined ? {} : { lid: this.#lid }),
      droppedLocals: this.#droppedLocals,
    };
  }

  /** The first touch of a property remembers what it was before the event. */
  #touch(kind: Touched['kind'], device: DeviceId, property: string, key: string): void {
    const name = `${kind} ${key}`;
    if (this.#touched.has(name)) return;
    if (kind === 'desired') {
      const before = this.rows.get('desired', key);
      const base = { kind, device, property };
      this.#touched.set(name, before === undefined ? base : { ...base, before });
      return;
    }
    const row = this.rows.get('reported', key);
    const base = { kind, device, property };
    const before = row && reportedOf(this.rows, row, this.rows.identity().gen);
    this.#touched.set(name, before === undefined ? base : { ...base, before });
  }
}
