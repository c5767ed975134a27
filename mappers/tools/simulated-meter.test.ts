import test from 'ava';
import type { Device } from '#protocol/device.js';
import { seededRandom } from '#protocol/random.js';
import { checksumHolds } from '../serial/checksum.js';
import { decodeTelegram } from '../serial/mbus-telegram.js';
import { placesOf } from './simulated-places.js';
import { NO_FAULTS } from './slave.js';

/** REQ_UD2 to addresses 1, 5 and 254. */
const [TO_1, TO_5, TO_ANY] = ['105b015c16', '105b056016', '105bfe5916'] as const;

function meter(name: string, requestHex: string): Device {
  const framing = { kind: 'length', sync: '68', lengthAt: 1, lengthAdd: 6 };
  const configData = { port: '/dev/ttyUSB0', requestHex, framing };
  const protocol = { protocolName: 'serial', configData };
  return { id: `default/${name}`, model: 'mbus-heat-meter', protocol, properties: [] };
}

async function answers(devices: readonly Device[], request: string): Promise<unknown> {
  const { places } = await placesOf(devices, true);
  const player = places[0]?.player(NO_FAULTS, seededRandom(1));
  return player?.receive(Buffer.from(request, 'hex')).map((reply) => {
    const holds = checksumHolds(reply, { kind: 'sum8', from: 4, to: -2, at: -2, hex: false });
    return [decodeTelegram(reply)?.address, holds];
  });
}

test('each simulated meter of M-Bus answers to its own address, and from it', async (t) => {
  const devices = [meter('a', TO_1), meter('b', TO_5)];
  t.deepEqual(await answers(devices, TO_1), [[1, true]]);
  t.deepEqual(await answers(devices, TO_5), [[5, true]]);
  t.deepEqual(await answers(devices, TO_ANY), []);
});

test('one that is alone answers as it was heard', async (t) => {
  t.deepEqual(await answers([meter('a', TO_ANY)], TO_ANY), [[0x11, true]]);
});
