import test from 'ava';
import fc from 'fast-check';
import { DEVICE_ACTIONS, parseTopic } from '#protocol/topics.js';
import { ClientRights, isWithin } from './client-rights.js';
import type { ClientGrant } from './client-rights.js';
import { filterMatches } from './topic-filter.js';

const METER: ClientGrant = {
  name: 'meter',
  devices: ['default/meter', 'plant/*'],
  write: false,
  topics: ['line/+/raw', 'meter/#'],
};

/** Names that are devices, namespaces and words of topics at once: every reading of a filter. */
const NAMES = ['meter', 'other', 'plant', 'default', 'twin', 'state', 'command', 'updated'];
const TOPICS = [
  ...NAMES.flatMap((first) => [
    ...DEVICE_ACTIONS.map((action) => `$hw/events/device/${first}/${action}`),
    `$ke/events/device/${first}/data/update`,
    ...NAMES.flatMap((second) => [
      ...DEVICE_ACTIONS.map((action) => `$hw/events/device/${first}/${second}/${action}`),
      `$ke/events/device/${first}/${second}/data/update`,
    ]),
  ]),
  ...['membership/get', 'membership/get/result', 'membership/updated'].map(
    (action) => `$hw/events/node/edge-1/${action}`,
  ),
  '$SYS/broker/uptime',
  '$hw/events/upload/x',
];

const level = fc.constantFrom(...NAMES, '+', '#', 'twin', 'update', 'delta', 'result', 'data');
const filters = fc
  .tuple(
    fc.constantFrom(
      '$hw/events/device',
      '$ke/events/device',
      '$hw/events/node',
      '$hw',
      '$SYS',
      '$hw/+',
    ),
    fc.array(level, { maxLength: 5 }),
  )
  .map(([prefix, levels]) => {
    const end = levels.indexOf('#');
    return [prefix, ...(end < 0 ? levels : levels.slice(0, end + 1))].join('/');
  });

test('D26: a filter is granted only when all that it can match is the client’s own', (t) => {
  const grants = [METER, { ...METER, devices: ['default/*'] }, { ...METER, devices: [] }];
  let granted = 0;
  fc.assert(
    fc.property(filters, fc.constantFrom(...grants), (filter, grant) => {
      const rights = new ClientRights(grant, (device) => device === 'other/twin');
      if (!rights.maySubscribe(filter)) return true;
      granted++;
      return TOPICS.every((topic) => {
        if (!filterMatches(filter, topic)) return true;
        const parsed = parseTopic(topic);
        return parsed !== undefined && parsed.kind !== 'node' && rights.covers(parsed.device);
      });
    }),
    { numRuns: 3_000 },
  );
  t.true(granted > 0);
});

test('D26: the filters that a client needs are granted, on both depths', (t) => {
  const rights = new ClientRights(METER);
  for (const filter of [
    '$hw/events/device/default/meter/#',
    '$hw/events/device/default/meter/twin/update/delta',
    '$hw/events/device/meter/twin/update/+',
    '$hw/events/device/plant/+/twin/update/delta'.replace('plant/+', 'plant/pump'),
    '$ke/events/device/plant/pump/data/update',
    'line/3/raw',
    'meter/#',
    'meter/a/+',
  ])
    t.true(rights.maySubscribe(filter), filter);
  for (const filter of [
    '#',
    '+/+',
    '$SYS/#',
    '$hw/#',
    '$hw/events/device/+/+/twin/update/delta',
    '$hw/events/device/default/+/twin/update/delta',
    '$hw/events/device/other/twin/update/delta',
    '$hw/events/node/edge-1/membership/updated',
    '$share/g/$hw/events/device/default/meter/#',
    'line/+/#',
    'line',
  ])
    t.false(rights.maySubscribe(filter), filter);
});

test('D26: of the gateway’s topics a client may publish what its devices say, and nothing else', (t) => {
  const rights = new ClientRights(METER);
  const said = TOPICS.filter((topic) => rights.mayPublish(topic));
  const own = /^\$(?:hw|ke)\/events\/device\/(?:meter|default\/meter|plant\/[a-z]+)\/(.*)$/;
  for (const topic of said) t.regex(topic, own);
  t.deepEqual([...new Set(said.map((topic) => own.exec(topic)?.[1]))].sort(), [
    'command/result',
    'data/update',
    'state/update',
    'twin/get',
    'twin/update',
  ]);
  t.false(rights.mayWrite('default/meter'));
  t.true(new ClientRights({ ...METER, write: true }).mayWrite('default/meter'));
  t.false(new ClientRights({ ...METER, write: true }).mayWrite('default/other'));
});

test('a filter is within another when each topic that it matches is matched by that too', (t) => {
  const word = fc.constantFrom('a', 'b', '+');
  const filter = fc
    .tuple(fc.array(word, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'));
  const topic = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(filter, filter, fc.array(topic, { maxLength: 20 }), (own, wanted, topics) => {
      if (!isWithin(own, wanted)) return true;
      return topics.every((levels) => {
        const name = levels.join('/');
        return !filterMatches(wanted, name) || filterMatches(own, name);
      });
    }),
    { numRuns: 2_000 },
  );
  t.true(isWithin('a/#', 'a/+/b') && !isWithin('a/+', 'a/#') && isWithin('a/+', 'a/b'));
});
