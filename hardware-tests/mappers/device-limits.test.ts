import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '#protocol/clock.js';
import type { Device, Property } from '#protocol/device.js';
import type { Mapper, Reading } from '#protocol/mapper-port.js';
import { recordingHost, until } from '#mappers/compliance.js';
import { frameMbap, takeMbap } from '#mappers/modbus/adu.js';
import { word } from '#mappers/modbus/frame.js';
import { modbusModule } from '#mappers/modbus/mapper.js';
import { answerOf, at, type Holdings } from '#mappers/tools/slave.js';

const MASK = 22;
const ILLEGAL_FUNCTION = 1;

interface SlaveOptions {
  /** Milliseconds until each answer. */
  readonly lateMs?: number;
  /** It has no function 22. */
  readonly lacksMask?: true;
}

/** A device on TCP that keeps its requests, and how many of them were under way at once. */
class WatchedSlave {
  readonly holdings: Holdings = new Map();
  readonly requests: Uint8Array[] = [];
  mostUnderWay = 0;
  port = 0;
  stop: () => Promise<void> = async () => undefined;
  #underWay = 0;

  async open({ lateMs = 0, lacksMask }: SlaveOptions): Promise<void> {
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer({ noDelay: true }, (socket) => {
      let held: Uint8Array = new Uint8Array(0);
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('data', (bytes) => {
        held = Uint8Array.from([...held, ...bytes]);
        for (let taken = takeMbap(held); taken.kind === 'frame'; taken = takeMbap(held)) {
          held = taken.rest;
          const { transaction, unit, pdu } = taken.frame;
          this.requests.push(pdu);
          this.#underWay += 1;
          this.mostUnderWay = Math.max(this.mostUnderWay, this.#underWay);
          setTimeout(() => {
            this.#underWay -= 1;
            const lacks = lacksMask === true && pdu[0] === MASK;
            const reply = lacks
              ? Uint8Array.of(MASK | 0x80, ILLEGAL_FUNCTION)
              : answerOf(pdu, this.holdings);
            if (socket.writable) socket.write(frameMbap(transaction, unit, reply));
          }, lateMs);
        }
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.stop = async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    };
  }
}

function property(name: string, configData: Readonly<Record<string, unknown>>): Property {
  return {
    ...{ name, type: 'int', access: 'ReadWrite', reportToCloud: true },
    ...{ reportCycleMs: 20, collectCycleMs: 20 },
    visitor: { protocolName: 'modbus', configData: { register: 'HoldingRegister', ...configData } },
  };
}

async function started(
  t: ExecutionContext,
  options: SlaveOptions,
  settings: Readonly<Record<string, unknown>>,
  properties: readonly Property[],
): Promise<{ slave: WatchedSlave; mapper: Mapper; last: (name: string) => Reading | undefined }> {
  const slave = new WatchedSlave();
  await slave.open(options);
  for (let offset = 0; offset < 400; offset += 1) slave.holdings.set(at('holding', offset), offset);
  const configData = {
    ...{ transport: 'tcp', host: '127.0.0.1', tcpPort: slave.port, unitId: 1, timeout: 2000 },
    ...settings,
  };
  const device: Device = {
    ...{ id: 'default/d', model: 'm', properties },
    protocol: { protocolName: 'modbus', configData },
  };
  t.deepEqual(await modbusModule.validate(device), []);
  const { host, readings } = recordingHost(systemClock);
  const mapper = modbusModule.create(host);
  await mapper.start([{ device, applied: new Map() }]);
  t.teardown(async () => {
    await mapper.stop();
    await slave.stop();
  });
  const last = (name: string): Reading | undefined =>
    readings.findLast((one) => one.property === name);
  return { slave, mapper, last };
}

test('ranges of a device: no read leaves its range or is longer than it may be', async (t) => {
  const ranges = [
    { from: 0, to: 9, maxRegisters: 1 },
    { from: 10, to: 49, maxRegisters: 12 },
  ];
  const offsets = [0, 1, 8, 9, 10, 20, 30, 48, 49, 50, 60, 200];
  const properties = offsets.map((offset) => property(`p${offset}`, { offset }));
  const { slave, last } = await started(t, {}, { ranges, maxRegisters: 100 }, properties);
  await until('all are read', () =>
    offsets.every((offset) => last(`p${offset}`)?.value === offset),
  );
  for (const request of slave.requests) {
    const [from, count] = [word(request, 1), word(request, 3)];
    const range = ranges.find((one) => from >= one.from && from <= one.to);
    t.true(count <= (range?.maxRegisters ?? 100), `${from}, ${count}`);
    if (range !== undefined) t.true(from + count - 1 <= range.to, `${from}, ${count}`);
  }
});

test('window: never more requests under way than the device may have', async (t) => {
  for (const window of [1, 3]) {
    const properties = Array.from({ length: 12 }, (_, index) =>
      property(`p${index}`, { offset: index * 20 }),
    );
    const { slave, last } = await started(t, { lateMs: 2 }, { window, maxGap: 0 }, properties);
    await until('three rounds', () => slave.requests.length >= 36);
    t.is(last('p11')?.value, 220);
    t.true(slave.mostUnderWay <= window, `${slave.mostUnderWay} of ${window}`);
    if (window > 1) t.true(slave.mostUnderWay > 1, 'it is made use of');
  }
});

for (const lacksMask of [false, true])
  test(`parts of one register are written ${lacksMask ? 'by reading and writing' : 'by function 22'}, and the rest of it stays`, async (t) => {
    const properties = [
      property('low', { offset: 5, bit: 0, bits: 4 }),
      property('high', { offset: 5, bit: 12, bits: 4 }),
      { ...property('flag', { offset: 5, bit: 8 }), type: 'boolean' as const },
    ];
    const options = lacksMask ? { lacksMask: true as const } : {};
    const { slave, mapper, last } = await started(t, options, {}, properties);
    slave.holdings.set(at('holding', 5), 0xa0b0);
    const write = (name: string, value: number | boolean, n: number): Promise<unknown> =>
      mapper.write({ device: 'default/d', property: name, value, version: { gen: 1, n } });
    // Both at once: neither may write back what it read before the other wrote.
    t.deepEqual(
      await Promise.all([write('low', 9, 1), write('high', 3, 2), write('flag', true, 3)]),
      [{ ok: true }, { ok: true }, { ok: true }],
    );
    t.is(slave.holdings.get(at('holding', 5)), 0x31b9);
    await until('it is read back', () => last('flag')?.appliedVersion.n === 3);
    t.deepEqual([last('low')?.value, last('high')?.value, last('flag')?.value], [9, 3, true]);
    const codes = slave.requests.map(([code]) => code);
    t.is(codes.filter((code) => code === MASK).length, lacksMask ? 1 : 3, 'asked for it once');
    t.is(codes.includes(6), lacksMask);
  });
