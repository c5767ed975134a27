import type { ExecutionContext } from 'ava';
import type { DeviceDocument } from '#protocol/twin-document.js';
import type { Load } from '../load.js';
import { eventually, type Site } from '../site.js';

export const DEVICE = 'default/counters';
export const COUNTERS = ['a', 'b', 'c', 'd'];
/** Text that may be long: wears a disk fast. */
export const TEXTS = ['text1', 'text2', 'text3', 'text4'];

/** A device without an in-process mapper: MQTT clients report it. Two properties can be written. */
export function countersDocument(name = 'counters', more: { history?: boolean } = {}): string {
  const properties = [
    ...COUNTERS.map((name) => ({ name, type: 'INT', accessMode: 'ReadOnly', ...more })),
    ...TEXTS.map((name) => ({ name, type: 'STRING', accessMode: 'ReadOnly' })),
    { name: 'note', type: 'STRING', accessMode: 'ReadWrite' },
    { name: 'target', type: 'INT', accessMode: 'ReadWrite', minimum: '0', maximum: '1000000' },
  ];
  return [
    {
      apiVersion: 'devices.kubeedge.io/v1beta1',
      kind: 'DeviceModel',
      metadata: { name: 'counters' },
      spec: { properties },
    },
    {
      apiVersion: 'devices.kubeedge.io/v1beta1',
      kind: 'Device',
      metadata: { name },
      spec: {
        deviceModelRef: { name: 'counters' },
        protocol: { protocolName: 'mqtt' },
        properties: properties.map((property) => ({ name: property.name })),
      },
    },
  ]
    .map((document) => JSON.stringify(document))
    .join('\n---\n');
}

export async function hubTwin(site: Site, device = DEVICE): Promise<DeviceDocument> {
  const { status, body } = await site.request(`devices/${device}`);
  if (status !== 200) throw new Error(`the hub answered ${status}`);
  return body as unknown as DeviceDocument;
}

export async function gatewayTwin(site: Site): Promise<DeviceDocument> {
  const response = await fetch(`http://${site.gatewayApi}/api/v1/devices/${DEVICE}`);
  if (response.status !== 200) throw new Error(`the gateway answered ${response.status}`);
  return (await response.json()) as DeviceDocument;
}

/** Both ends hold the same values, and none older than what a local client was told is durable. */
export async function assertConverged(t: ExecutionContext, site: Site, load: Load): Promise<void> {
  const [hub, gateway] = await eventually(
    'hub and gateway agree',
    async () => Promise.all([hubTwin(site), gatewayTwin(site)]),
    ([atHub, atGateway]) =>
      atGateway.properties.every(({ name, reported, unsent }) => {
        const there = atHub.properties.find((property) => property.name === name)?.reported;
        return unsent !== true && reported?.version === there?.version;
      }),
  );
  for (const [name, value] of load.acknowledged) {
    const atHub = hub.properties.find((property) => property.name === name)?.reported;
    const atGateway = gateway.properties.find((property) => property.name === name)?.reported;
    t.deepEqual(atHub?.value, atGateway?.value, name);
    t.true(
      Number(atHub?.value) >= value,
      `${name}: acknowledged ${value}, hub ${Number(atHub?.value)}`,
    );
  }
}
