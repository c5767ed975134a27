import type { Device, Property } from '#protocol/device.js';
import type { Reading } from '#protocol/mapper-port.js';
import { FIRST_NUMBERING } from '#protocol/numbering.js';
import type { Welcome } from '#protocol/sync-message.js';
import { NO_VERSION } from '#protocol/twin.js';
import type { Value, Version } from '#protocol/twin.js';
import { EdgeError } from '#protocol/errors.js';
import { MapTables } from '../metamanager/map-tables.js';
import type { ReportedRow } from '../metamanager/tables.js';
import { reduce } from './reducer.js';
import type { Transition, TwinEvent, WriteTarget } from './twin-event.js';
import { isUnsent, wholeUplink, writeTarget } from './twin-rows.js';

export const BOOT = 'b000000000000001';
export const POT: Property = {
  name: 'level',
  type: 'int',
  access: 'ReadWrite',
  reportCycleMs: 1000,
  collectCycleMs: 1000,
  reportToCloud: true,
};
export const TAP: Device = {
  id: 'default/tap',
  model: 'tap',
  protocol: { protocolName: 'test', configData: {} },
  properties: [POT, { ...POT, name: 'open' }, { ...POT, name: 'secret', reportToCloud: false }],
};

/** A gateway of one device without storage or time, for tests of the reducer. */
export class TestTwins {
  tables = new MapTables();
  boot = BOOT;

  constructor(devices: readonly Device[] = [TAP]) {
    this.do({ kind: 'devices', devices });
  }

  do(event: TwinEvent): Transition {
    const transition = reduce(this.tables, this.boot, event);
    this.tables.apply(transition.puts);
    return transition;
  }

  report(value: Value, more: Partial<Reading> = {}): Transition {
    const reading: Reading = {
      property: 'level',
      value,
      quality: 'good',
      timestamp: 1,
      appliedVersion: NO_VERSION,
      ...more,
    };
    return this.do({ kind: 'readings', device: TAP.id, readings: [reading] });
  }

  welcome(change: Partial<Welcome> = {}): Transition {
    const { lineage, lastEpoch } = present(this.tables.get('identity', 'self'));
    return this.do({
      kind: 'welcome',
      welcome: {
        kind: 'welcome',
        epoch: lastEpoch + 1,
        lineage,
        gen: 1,
        fork: false,
        resync: false,
        known: { state: 0, samples: 0 },
        hubLineage: 'a000000000000001',
        hubGen: 1,
        hubBoot: 'c000000000000001',
        adopt: false,
        protocol: 1,
        features: [],
        messageBytes: 65536,
        monotonicMs: 0,
        ...change,
      },
    });
  }

  ackAll(): void {
    const { rows, announcements } = wholeUplink(this.tables);
    this.do({ kind: 'acknowledged', rows: { reported: rows, announced: announcements } });
  }

  desired(n: number, value: Value, origin?: Version): Transition {
    const base = { device: TAP.id, incarnation: this.incarnation, property: 'level' };
    const row = { ...base, version: { gen: 1, n }, value };
    return this.do({ kind: 'desired', rows: [origin === undefined ? row : { ...row, origin }] });
  }

  local(value: Value, property = 'level'): Version {
    return (
      this.do({ kind: 'local-write', device: TAP.id, property, value, actor: 'cli' }).lid ??
      NO_VERSION
    );
  }

  result(lid: Version, outcome: 'ok' | 'conflict' | 'superseded' | 'rejected', n?: number): void {
    const base = { kind: 'local-result', epoch: 1, device: TAP.id, property: 'level' } as const;
    const version = n === undefined ? {} : { version: { gen: 1, n } };
    this.do({ kind: 'local-result', result: { ...base, lid, outcome, ...version } });
  }

  get incarnation(): Version {
    return present(this.tables.get('devices', TAP.id)).incarnation;
  }

  get sv(): number {
    return (this.tables.get('numbering', 'state') ?? FIRST_NUMBERING).value;
  }

  row(property = 'level'): ReportedRow | undefined {
    return this.tables.get('reported', `${TAP.id}/${property}`);
  }

  target(property = POT): WriteTarget | undefined {
    return writeTarget(this.tables, TAP, property);
  }

  unsent(property = 'level'): boolean {
    return isUnsent(this.tables, TAP.id, property);
  }

  ended(final = true, code?: string): Transition {
    const failure = code === undefined ? {} : { failure: { code, final, timestamp: 9 } };
    return this.do({
      kind: 'write-ended',
      device: TAP.id,
      incarnation: this.incarnation,
      property: 'level',
      target: present(this.target()),
      ...failure,
    });
  }
}

function present<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new EdgeError('EDGE_INTERNAL', 'the test expects something that is not there');
}
