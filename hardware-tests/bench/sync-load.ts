import { connectAsync } from 'mqtt';
import { pause } from './process-figures.js';

export const DEVICES = 10;
export const PROPERTIES = 10;

/** Names that the preset dictionary does not know. */
export function deviceName(index: number): string {
  return `boiler-${index}`;
}

export function propertyName(index: number): string {
  return `inlet_${index}`;
}

/** REST and topics name a property of these by the turn it takes. */
export function placeOf(index: number): { readonly device: string; readonly property: string } {
  return {
    device: `default/${deviceName(index % DEVICES)}`,
    property: propertyName(Math.floor(index / DEVICES)),
  };
}

/** How updates come: so many a second, taking turns over so many properties. */
export interface SyncLoad {
  readonly perSecond: number;
  readonly properties: number;
  readonly seconds: number;
}

/** One update as a local mapper publishes it: about 200 bytes of JSON. */
export function update(nth: number, properties: number): { topic: string; payload: string } {
  const { device, property } = placeOf(nth % properties);
  const timestamp = Date.now();
  const value = (2_000 + 300 * Math.sin(nth / 7)).toFixed(1);
  const actual = { value, metadata: { timestamp } };
  const body = {
    event_id: `4f9a2c1e-77d0-4be1-9c53-${String(nth).padStart(12, '0')}`,
    timestamp,
    twin: { [property]: { actual, metadata: { type: 'FLOAT' } } },
  };
  return { topic: `$hw/events/device/${device}/twin/update`, payload: JSON.stringify(body) };
}

/** Calls at an even pace; resolves to how many calls there were. */
export async function atPace(
  { perSecond, seconds }: SyncLoad,
  call: (nth: number) => void,
): Promise<number> {
  const start = performance.now();
  const total = perSecond * seconds;
  for (let nth = 0; nth < total; nth++) {
    await pause(Math.max(0, start + (nth * 1000) / perSecond - performance.now()));
    call(nth);
  }
  return total;
}

/** Publishes to a broker at QoS 1 until all is acknowledged. */
export async function publishAll(
  url: string,
  options: object,
  load: SyncLoad,
  began: () => Promise<void>,
): Promise<number> {
  const client = await connectAsync(url, options);
  await began();
  const under: Promise<unknown>[] = [];
  const updates = await atPace(load, (nth) => {
    const { topic, payload } = update(nth, load.properties);
    under.push(client.publishAsync(topic, payload, { qos: 1 }));
  });
  await Promise.all(under);
  await client.endAsync();
  return updates;
}
