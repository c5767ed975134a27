import { systemClock } from '#protocol/clock.js';
import { silentLog } from '#protocol/log.js';
import { seededRandom } from '#protocol/random.js';
import { EventBus } from './event-bus.js';
import type { EventBusOptions } from './event-bus.js';
import { FakeTwins, fakeProperty } from './fake-twins.js';
import { RawClient } from './raw-client.js';

/** An EventBus with two fake devices on a free port, for tests. */
export interface BusBench {
  readonly twins: FakeTwins;
  readonly bus: EventBus;
  readonly port: number;
  /** Of the door with TLS, where the options ask for one. */
  readonly securePort: number | undefined;
  readonly client: () => Promise<RawClient>;
}

export async function bench(
  t: { teardown(fn: () => Promise<void>): void },
  options: Partial<EventBusOptions> = {},
): Promise<BusBench> {
  const twins = new FakeTwins();
  twins.addDevice('default/meter', [
    fakeProperty('temperature', { minimum: -40, maximum: 125 }),
    fakeProperty('mode', { type: 'string' }),
    fakeProperty('count', { type: 'int', access: 'ReadOnly' }),
    fakeProperty('settings', { type: 'json' }),
  ]);
  twins.addDevice('plant/pump', [fakeProperty('on', { type: 'boolean' })]);
  const bus = new EventBus({
    twins,
    node: 'edge-1',
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock,
    random: seededRandom(1),
    log: silentLog,
    ...options,
  });
  const { address, secure } = await bus.start();
  t.teardown(() => bus.stop());
  const client = (): Promise<RawClient> => RawClient.connect(address.port, systemClock);
  return { twins, bus, port: address.port, securePort: secure?.port, client };
}

export const METER = '$hw/events/device/default/meter';
export const SHORT = '$hw/events/device/meter';

export async function json(
  client: RawClient,
): Promise<{ topic: string; body: Record<string, unknown> }> {
  const { topic, text } = await client.message();
  return { topic, body: JSON.parse(text) as Record<string, unknown> };
}

export function update(twin: unknown, eventId = 'e1'): string {
  return JSON.stringify({ event_id: eventId, timestamp: 1, twin });
}
