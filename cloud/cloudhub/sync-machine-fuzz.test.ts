import fc from 'fast-check';
import test from 'ava';
import { KINDS, message } from '#protocol/message-codec-arbitrary.test.js';
import type { SyncMessage } from '#protocol/sync-message.js';
import { compareVersions } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import { nodeOfKey } from '../store/tables.js';
import { MachineBench, announceRow, helloOf, stateRow, version } from './machine-bench.js';

/** Well-formed messages that make no sense, some of them about the boiler that is there. */
const anything = fc.constantFrom(...KINDS).chain(message);
const number = fc.nat(30);
const about: fc.Arbitrary<SyncMessage> = fc.oneof(
  fc
    .record({ n: number, value: fc.nat(99), life: fc.nat(3) })
    .map(({ n, value, life }): SyncMessage => ({
      kind: 'state',
      epoch: 0,
      id: n,
      rows: [stateRow(n, value, { incarnation: version(1, life) })],
    })),
  fc
    .record({ n: number, life: fc.nat(3), ends: fc.boolean() })
    .map(({ n, life, ends }): SyncMessage => ({
      kind: 'announce',
      epoch: 0,
      id: n,
      rows: [
        announceRow(n, { incarnation: version(1, life), ...(ends ? { description: null } : {}) }),
      ],
    })),
  fc
    .record({ lid: number, base: number, chain: number, life: fc.nat(3) })
    .map(({ lid, base, chain, life }): SyncMessage => ({
      kind: 'local',
      epoch: 0,
      device: 'default/boiler',
      incarnation: version(1, life),
      property: 'target',
      lid: version(1, lid),
      base: version(1, base),
      chainStart: version(1, chain),
      value: lid,
    })),
);

test('whatever a gateway sends, the machine judges it, and nothing of another node is put', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.oneof(anything, about), fc.boolean()), { maxLength: 25 }),
      (messages) => {
        const bench = new MachineBench({
          ownerOf: (device) => (device.endsWith('a') ? 'gw-2' : undefined),
        });
        bench.open();
        bench.announce(announceRow(1));
        for (const [own, isCurrent] of messages) {
          if (own.kind === 'hello') bench.hello(own);
          else bench.say('epoch' in own && isCurrent ? { ...own, epoch: bench.epoch } : own);
          if (bench.machine.session === undefined) bench.hello(helloOf({ lastEpoch: 1 }));
        }
        for (const table of ['devices', 'reported', 'desired', 'locals', 'conflicts'] as const)
          for (const key of bench.rows.all(table).keys())
            if (nodeOfKey(key) !== 'gw-1') throw new TypeError(key);
        for (const { description } of bench.rows.all('devices').values())
          if (description?.id.endsWith('a') === true) throw new TypeError(description.id);
      },
    ),
    { numRuns: 1_000 },
  );
  t.pass();
});

test('in one life of a device, reported and desired versions never go down, whatever arrives (I3, I8)', (t) => {
  fc.assert(
    fc.property(fc.array(about, { maxLength: 60 }), (messages) => {
      const bench = new MachineBench();
      bench.open();
      bench.announce(announceRow(1));
      let newest = new Map<string, Version>();
      let life = '';
      for (const own of messages) {
        bench.say({ ...own, epoch: bench.epoch } as SyncMessage);
        const [device] = bench.rows.all('devices').values();
        const now = JSON.stringify([device?.incarnation, device?.description === null]);
        if (now !== life) newest = new Map();
        life = now;
        for (const table of ['reported', 'desired'] as const)
          for (const [key, row] of bench.rows.all(table)) {
            const before = newest.get(table + key);
            if (before !== undefined && compareVersions(row.version, before) < 0)
              throw new TypeError(`${key} went down`);
            newest.set(table + key, row.version);
          }
        if (device?.description === null && bench.rows.all('reported').size > 0)
          throw new TypeError('a tombstone with a twin');
      }
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
