import test from 'ava';
import { functionCode, type ModbusRequest } from './frame.js';
import { MaskedWriter } from './masked-write.js';
import { PlainWriter } from './plain-write.js';

const REGISTER = { op: 'write', unit: 1, kind: 'holding', offset: 3, words: [7] } as const;
const COIL = { op: 'write', unit: 1, kind: 'coil', offset: 3, words: [1] } as const;

/** A device that knows only these functions. */
function device(known: readonly number[]) {
  const asked: number[] = [];
  const ask = async (request: ModbusRequest) => {
    const code = functionCode(request);
    asked.push(code);
    if (!known.includes(code)) return { kind: 'exception', code: 1 } as const;
    return { kind: 'data', words: request.op === 'read' ? [7] : [] } as const;
  };
  return { asked, ask };
}

test('a device that knows only 16 and 15 is written by them, and is asked the other way once', async (t) => {
  const { asked, ask } = device([15, 16]);
  const writer = new PlainWriter(ask);
  for (const request of [REGISTER, COIL, REGISTER, COIL])
    t.is((await writer.write(request)).kind, 'data');
  t.deepEqual(asked, [6, 16, 5, 15, 16, 15]);
});

test('a device that knows 6 and 5 is written by them', async (t) => {
  const { asked, ask } = device([5, 6, 15, 16]);
  const writer = new PlainWriter(ask);
  for (const request of [REGISTER, COIL, { ...REGISTER, words: [1, 2] }])
    await writer.write(request);
  t.deepEqual(asked, [6, 5, 16]);
});

test('a device that knows neither refuses, and nothing is remembered of it', async (t) => {
  const { asked, ask } = device([]);
  const writer = new PlainWriter(ask);
  for (const request of [REGISTER, { ...REGISTER, words: [1, 2] }])
    t.deepEqual(await writer.write(request), { kind: 'exception', code: 1 });
  await writer.write(REGISTER);
  t.deepEqual(asked, [6, 16, 16, 6, 16]);
});

test('another exception is final: the register is not written in another way', async (t) => {
  const asked: number[] = [];
  const writer = new PlainWriter(async (request) => {
    asked.push(functionCode(request));
    return { kind: 'exception', code: 2 };
  });
  t.deepEqual(await writer.write(REGISTER), { kind: 'exception', code: 2 });
  t.deepEqual(asked, [6]);
});

test('a part of a register is written in steps with 16 too', async (t) => {
  const { asked, ask } = device([3, 16]);
  const masked = new MaskedWriter(ask, new PlainWriter(ask));
  t.deepEqual(await masked.write({ unit: 1, offset: 3, word: 7, mask: 7 }), { ok: true });
  t.deepEqual(asked, [22, 3, 6, 16, 3]);
});
