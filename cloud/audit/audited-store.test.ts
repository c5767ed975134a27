import test from 'ava';
import { ManualClock } from '#protocol/manual-clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { openStore } from '#journal/journal-store.js';
import { MemoryStorage } from '#journal/memory-storage.js';
import { tablesOf } from '#journal/store.js';
import type { Put } from '#journal/store.js';
import { commandKey, deviceKey, propertyKey } from '../store/tables.js';
import type { CommandRecord, DesiredRecord, HubDeviceRecord, HubTables } from '../store/tables.js';
import type { EnrolmentTables } from '../enrolment/tables.js';
import { audited } from './audited-store.js';
import { AuditTrail } from './audit-trail.js';
import type { AuditTables } from './tables.js';

type All = HubTables & EnrolmentTables & AuditTables;

async function bench() {
  const ports = { clock: new ManualClock(), log: silentLog, random: seededRandom(1) };
  const kept = await openStore<All>(new MemoryStorage(), { ...ports, journalBytes: 0 });
  const trail = new AuditTrail(tablesOf<AuditTables, All>(kept), ports);
  const store = audited(kept, trail);
  const put = (...puts: Put<All>[]): Promise<void> => store.commit(puts);
  return { kept, put, records: () => trail.page({ after: 0, limit: 100 }).records };
}

const KEY = propertyKey('pi-1', 'default/meter', 'setpoint');

function desired(value: number, rest: Partial<DesiredRecord> = {}): Put<All> {
  const version = { gen: 1, n: value };
  const row = { value, version, actor: 'operator:ann', at: 0, ...rest };
  return { table: 'desired', key: KEY, row };
}

test('a desired value is recorded with who, before and after, in the same transaction', async (t) => {
  const { put, records, kept } = await bench();
  await put(desired(1));
  const { commits } = kept.stats();
  await put(desired(2, { actor: 'operator:bob' }));
  t.is(kept.stats().commits, commits + 1);
  t.like(records(), [
    { actor: 'operator:ann', action: 'desired.set', after: { value: 1, version: '1.1' } },
    {
      ...{ actor: 'operator:bob', node: 'pi-1', subject: 'default/meter/setpoint' },
      before: { value: 1, version: '1.1' },
      after: { value: 2, version: '1.2' },
    },
  ]);
});

test('what gateways write, and repairs, are not what people did', async (t) => {
  const { put, records } = await bench();
  await put(desired(1, { actor: 'node:pi-1' }), desired(2, { actor: 'adopted:pi-1' }));
  await put(desired(3, { since: { gen: 1, n: 1 } }));
  t.deepEqual(records(), []);
});

test('a command is recorded once, not its progress', async (t) => {
  const { put, records } = await bench();
  const row = {
    ...{ id: '0123', device: 'default/pump', method: 'dose', args: { ml: 5 }, ttlMs: 1_000 },
    ...{ actor: 'operator:ann', state: 'new' },
  } as unknown as CommandRecord;
  const key = commandKey('pi-1', '0123');
  await put({ table: 'commands', key, row });
  await put({ table: 'commands', key, row: { ...row, state: 'sent' } });
  t.like(records(), [
    { action: 'command.run', subject: 'default/pump', after: { method: 'dose', args: { ml: 5 } } },
  ]);
  t.is(records().length, 1);
});

test('devices of the hub are recorded when they are made, changed and deleted', async (t) => {
  const { put, records } = await bench();
  const device = (n: number, documents: string | null): Put<All> => {
    const [version, actor] = [{ gen: 1, n }, 'operator:ann'];
    const row: HubDeviceRecord = { version, incarnation: version, documents, actor, at: 0 };
    return { table: 'hubDevices', key: deviceKey('pi-1', 'default/pump'), row };
  };
  await put(device(1, '{}'));
  await put(device(2, '{}'));
  await put(device(3, '{"a":1}'));
  await put(device(4, null));
  t.deepEqual(
    records().map(({ action }) => action),
    ['device.create', 'device.update', 'device.delete'],
  );
  t.like(records()[2], { subject: 'default/pump', node: 'pi-1', before: { version: '1.3' } });
  t.is(records()[2]?.after, undefined);
});

test('a certificate is recorded when it is made: of a token, or of the one before', async (t) => {
  const { put, records } = await bench();
  const row = {
    node: 'pi-1',
    fingerprint: 'ab',
    issuedAt: 0,
    fromMs: 0,
    untilMs: 1,
    keyHash: 'cd',
  };
  const first = { ...row, from: { token: 't1' } };
  await put({ table: 'certificates', key: '01', row: first });
  await put({
    table: 'certificates',
    key: '01',
    row: { ...first, revoked: { at: 1, why: 'replaced' } },
  });
  await put({ table: 'certificates', key: '02', row: { ...row, from: { renewal: '01' } } });
  t.like(records(), [
    { actor: 'node:pi-1', action: 'node.join', after: { serial: '01', from: { token: 't1' } } },
    { actor: 'node:pi-1', action: 'node.renew', after: { serial: '02', from: { renewal: '01' } } },
  ]);
  t.is(records().length, 2);
});
