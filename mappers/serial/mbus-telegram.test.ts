import fc from 'fast-check';
import test from 'ava';
import { MAPPER_LIMITS } from '../limits.js';
import { decodeRecords, decodeTelegram } from './mbus-telegram.js';

const bytes = (text: string): Uint8Array =>
  Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const hex = (data: Uint8Array): string => Buffer.from(data).toString('hex');

/** The worked example of the documentation of M-Bus 4.8: a water meter with three records. */
const WATER = bytes(
  '68 1f 1f 68 08 02 72 78 56 34 12 24 40 01 07 55 00 00 00 03 13 15 31 00 da 02 3b 13 01 8b 60 04 37 18 02 18 16',
);
const HEADER = '78 56 34 12 24 40 01 07 55 00 00 00';

function telegram(user: Uint8Array, control = 0x08): Uint8Array {
  const length = user.length + 3;
  return Uint8Array.of(0x68, length, length, 0x68, control, 2, 0x72, ...user, 0, 0x16);
}

test('the worked example: whose telegram it is, and each record with its numbers', (t) => {
  const { records, ...header } = decodeTelegram(WATER) ?? { records: [] };
  t.deepEqual(header, {
    ...{ address: 2, identification: '12345678', manufacturer: 'PAD', version: 1, medium: 7 },
    ...{ accessNumber: 0x55, status: 0 },
  });
  t.deepEqual(
    records.map(({ information, data, ...rest }) => ({
      ...rest,
      ...{ information: hex(information), data: hex(data) },
    })),
    [
      {
        ...{ function: 'instantaneous', storage: 0, tariff: 0, subunit: 0, coding: 3 },
        ...{ information: '13', data: '153100' },
      },
      {
        ...{ function: 'maximum', storage: 5, tariff: 0, subunit: 0, coding: 10 },
        ...{ information: '3b', data: '1301' },
      },
      {
        ...{ function: 'instantaneous', storage: 0, tariff: 2, subunit: 1, coding: 11 },
        ...{ information: '04', data: '371802' },
      },
    ],
  );
});

const NONE: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array(0)],
  ['another length than it says', WATER.with(1, 0x1e).with(2, 0x1e)],
  ['two lengths', WATER.with(2, 0x1e)],
  ['no second start', WATER.with(3, 0)],
  ['no stop', WATER.with(WATER.length - 1, 0)],
  ['a frame of a master', WATER.with(4, 0x53)],
  ['fixed data', WATER.with(6, 0x73)],
  ['half a header', telegram(bytes('78 56 34 12'))],
  ['encrypted data', telegram(bytes('78 56 34 12 24 40 01 07 55 00 00 05 01 13 05'))],
  ['a record beyond the end', telegram(bytes(`${HEADER} 01 13 05 04 13 05`))],
  ['a record of a DIF alone', telegram(bytes(`${HEADER} 01 13 05 04`))],
  ['a VIF that goes on beyond the end', telegram(bytes(`${HEADER} 01 93`))],
  ['a text of a VIF beyond the end', telegram(bytes(`${HEADER} 01 7c ff 41`))],
  ['a length that is reserved', telegram(bytes(`${HEADER} 0d 13 ff 01`))],
  ['a special function that is reserved', telegram(bytes(`${HEADER} 3f 13 01`))],
];

for (const [name, frame] of NONE)
  test(`no telegram: ${name}`, (t) => t.is(decodeTelegram(frame), undefined));

test('every bit of access demand and data flow is an answer all the same', (t) => {
  for (const control of [0x08, 0x18, 0x28, 0x38])
    t.is(decodeTelegram(telegram(bytes(HEADER), control))?.records.length, 0);
});

test('what meters from before encryption put into the signature is no encryption', (t) => {
  const user = bytes('45 58 57 03 b4 05 34 04 9e 00 27 b6 01 13 05');
  t.is(decodeTelegram(telegram(user))?.records.length, 1);
});

const WALKS: readonly (readonly [string, string, readonly string[]])[] = [
  ['each data field has its bytes', widths(), widthsOf()],
  ['a filler is passed over', '2f 2f 01 13 05 2f', ['05']],
  ['the maker’s data ends it', '01 13 05 0f 04 13', ['05']],
  ['so does the word that more follow', '01 13 05 1f', ['05']],
  [
    'an unknown VIF is passed over by its length',
    '04 ff 91 22 01 02 03 04 01 13 05',
    ['01020304', '05'],
  ],
  [
    'a VIF in plain text, and its extensions',
    '02 fc 03 48 52 25 74 44 0d 01 13 05',
    ['440d', '05'],
  ],
  ['text of its own length', '0d 78 03 43 42 41 01 13 05', ['434241', '05']],
  [
    'digits and binary numbers of their own length',
    '0d 13 c2 34 12 0d 13 e3 01 02 03',
    ['3412', '010203'],
  ],
  ['16 bytes of their own length', `0d 13 f0 ${'07'.repeat(16)} 01 13 05`, ['07'.repeat(16), '05']],
];

for (const [name, walked, data] of WALKS)
  test(`records: ${name}`, (t) => {
    t.deepEqual(
      decodeRecords(bytes(walked))?.map((record) => hex(record.data)),
      data,
    );
  });

function widths(): string {
  return widthsOf()
    .map((data, coding) => `${hex(Uint8Array.of(coding === 13 ? 14 : coding))}13${data}`)
    .join('');
}

function widthsOf(): string[] {
  return [0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 6].map((width) => '11'.repeat(width));
}

test('ten extensions of a DIF hold 41 bits of storage, 20 of tariff, 10 of subunit; eleven are none', (t) => {
  const ten = `c1 ${'ff'.repeat(9)} 7f 13 05`;
  t.like(decodeRecords(bytes(ten))?.[0], {
    ...{ storage: 2 ** 41 - 1, tariff: 2 ** 20 - 1, subunit: 2 ** 10 - 1 },
  });
  t.is(decodeRecords(bytes(`c1 ${'ff'.repeat(10)} 7f 13 05`)), undefined);
  t.is(decodeRecords(bytes(`01 ${'93'.repeat(10)} 13 05`))?.length, 1);
  t.is(decodeRecords(bytes(`01 ${'93'.repeat(11)} 13 05`)), undefined);
});

test('there are at most so many records', (t) => {
  const records = (count: number): Uint8Array => bytes('0013'.repeat(count));
  t.is(decodeRecords(records(MAPPER_LIMITS.mbusRecords))?.length, MAPPER_LIMITS.mbusRecords);
  t.is(decodeRecords(records(MAPPER_LIMITS.mbusRecords + 1)), undefined);
});

test('hostile bytes: never thrown, never read beyond, never more than was sent', (t) => {
  const dif = fc.constantFrom(0x04, 0x84, 0x0d, 0x8c, 0x0b, 0xff);
  const vif = fc.constantFrom(0x13, 0x93, 0x7c, 0xfc, 0xfd, 0xc0, 0xf4, 0x03);
  const byte = fc.oneof(fc.integer({ min: 0, max: 255 }), dif, vif);
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 240 }), (list) => {
      const user = Uint8Array.from(list);
      // Bytes behind the end must not matter.
      const inside = Uint8Array.from([...list, ...list, 0x01, 0x13, 0x05]).subarray(0, list.length);
      const records = decodeRecords(user);
      t.deepEqual(decodeRecords(inside), records);
      const held = (records ?? []).reduce(
        (sum, { data, information }) => sum + data.length + information.length + 1,
        0,
      );
      t.true(held <= user.length);
      decodeTelegram(user);
      decodeTelegram(telegram(Uint8Array.from([...bytes(HEADER), ...user])));
    }),
    { numRuns: 2_000 },
  );
});

const extended = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 127 }), { maxLength: MAPPER_LIMITS.mbusExtensions }))
  .map(([list]) => list);

test('any records that are put together are taken apart again, and cut off nowhere else', (t) => {
  const record = fc.record({
    ...{ which: fc.integer({ min: 0, max: 3 }), storageBit: fc.integer({ min: 0, max: 1 }) },
    ...{ difes: extended, vif: fc.integer({ min: 0, max: 0x7b }), vifes: extended },
    coded: fc.constantFrom(
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 4],
      [6, 6],
      [7, 8],
      [12, 4],
      [14, 6],
    ),
    fill: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 8 }), (list) => {
      const ends = [0];
      const sent: number[] = [];
      for (const { which, storageBit, difes, vif, vifes, coded, fill } of list) {
        const [coding = 0, width = 0] = coded;
        sent.push(...chained([coding | (which << 4) | (storageBit << 6), ...difes]));
        sent.push(...chained([vif, ...vifes]), ...Array<number>(width).fill(fill));
        ends.push(sent.length);
      }
      const records = decodeRecords(Uint8Array.from(sent));
      t.deepEqual(
        records?.map(({ coding, information, data }) => [coding, hex(information), hex(data)]),
        list.map(({ coded: [coding = 0, width = 0], vif, vifes, fill }) => [
          ...[coding, hex(Uint8Array.from(chained([vif, ...vifes])))],
          hex(new Uint8Array(width).fill(fill)),
        ]),
      );
      t.deepEqual(
        records?.map(({ storage }) => storage % 2),
        list.map(({ storageBit }) => storageBit),
      );
      for (let end = 0; end < sent.length; end += 1) {
        const part = decodeRecords(Uint8Array.from(sent.slice(0, end)));
        t.is(part?.length, ends.includes(end) ? ends.indexOf(end) : undefined);
      }
    }),
    { numRuns: 100 },
  );
});

/** With bit 7 in all but the last. */
function chained(list: readonly number[]): number[] {
  return list.map((byte, index) => (index + 1 < list.length ? byte | 0x80 : byte & 0x7f));
}
