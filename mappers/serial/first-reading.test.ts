import test from 'ava';
import type { Property } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import { silentLog } from '#protocol/log.js';
import { ManualClock } from '#protocol/manual-clock.js';
import { seededRandom } from '#protocol/random.js';
import { MAPPER_LIMITS } from '../limits.js';
import type { LinkEvents } from '../link.js';
import { SensorDriver } from './driver.js';
import { Line } from './line.js';
import { readSettings } from './settings.js';

const CO2: Property = {
  ...{ name: 'co2', type: 'int', access: 'ReadOnly', reportToCloud: true },
  ...{ reportCycleMs: 60_000, collectCycleMs: 60_000 },
  visitor: { protocolName: 'serial', configData: { column: 0 } },
};

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A sensor that was asked before its line was there. */
async function begin() {
  const clock = new ManualClock();
  const sent: string[] = [];
  const links: LinkEvents[] = [];
  const open = (events: LinkEvents) => {
    links.push(events);
    const send = (bytes: Uint8Array): void => void sent.push(Buffer.from(bytes).toString());
    return { send, close: async () => undefined };
  };
  const line = new Line(open, { clock, random: seededRandom(1), log: silentLog });
  const { settings } = await readSettings({
    ...{ id: 'default/s', model: 'sensor', properties: [CO2] },
    protocol: { protocolName: 'serial', configData: { host: 'h', tcpPort: 1, request: 'R' } },
  });
  const [link] = links;
  if (settings === undefined || link === undefined) throw new TypeError('no sensor');
  const driver = new SensorDriver(settings, [CO2], line, clock);
  const ended: { said: unknown } = { said: undefined };
  void driver.read([CO2]).then(([result]) => (ended.said = result?.value ?? result?.reason));
  await settled();
  return { clock, sent, link, driver, ended };
}

test('a reading that is due before the line is there waits for it', async (t) => {
  const { sent, link, ended } = await begin();
  t.is(ended.said, undefined);
  link.opened();
  await settled();
  t.deepEqual(sent, ['R']);
  link.received(Buffer.from('417\n'));
  await settled();
  t.is(ended.said, 417);
});

test('not when the line cannot be had, the sensor is taken away or it takes too long', async (t) => {
  const lost = await begin();
  lost.link.closed(new EdgeError('EDGE_DEVICE_CLOSED', 'no such port'));
  const closed = await begin();
  closed.driver.close();
  const slow = await begin();
  slow.clock.advance(MAPPER_LIMITS.openMs - 1);
  await settled();
  t.is(slow.ended.said, undefined);
  slow.clock.advance(1);
  await settled();
  for (const { ended, sent } of [lost, closed, slow]) {
    t.is(ended.said, 'EDGE_DEVICE_CLOSED');
    t.deepEqual(sent, []);
  }
});
