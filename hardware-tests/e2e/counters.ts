import type { ExecutionContext } from 'ava';
import { compareVersions, NO_VERSION, parseVersion, type Version } from '#protocol/twin.js';
import type { DeviceDocument } from '#protocol/twin-document.js';
import type { Load } from '../load.js';
import { eventually, type Site } from '../site.js';

export const DEVICE = 'default/counters';
export const COUNTERS = ['a', 'b', 'c', 'd'];

/** A device without an in-process mapper: MQTT clients report it. `target` can be written. */
export function countersDocument(): string {
  const properties = [
    ...COUNTERS.map((name) => ({ name, type: 'INT', accessMode: 'ReadOnly' })),
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
      metadata: { name: 'counters' },
      spec: {
        deviceModelRef: { name: 'counters' },
        protocol: { protocolName: 'mqtt' },
        properties: properties.map(({ name }) => ({ name })),
      },
    },
  ]
    .map((document) => JSON.stringify(document))
    .join('\n---\n');
}

export async function hubTwin(site: Site): Promise<DeviceDocument> {
  const { status, body } = await site.request(`devices/${DEVICE}`);
  if (status !== 200) throw new Error(`the hub answered ${status}`);
  return body as unknown as DeviceDocument;
}

export async function gatewayTwin(site: Site): Promise<DeviceDocument> {
  const response = await fetch(`http://${site.gatewayApi}/api/v1/devices/${DEVICE}`);
  if (response.status !== 200) throw new Error(`the gateway answered ${response.status}`);
  return (await response.json()) as DeviceDocument;
}

/** Watches the hub: no version of any property may ever go back, whatever is killed. */
export class VersionWatch {
  readonly wentBack: string[] = [];
  readonly #newest = new Map<string, Version>();
  #stopped = false;
  readonly #done: Promise<void>;

  constructor(site: Site) {
    this.#done = this.#watch(site);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #watch(site: Site): Promise<void> {
    while (!this.#stopped) {
      try {
        for (const { name, reported } of (await hubTwin(site)).properties) {
          const version = parseVersion(reported?.version ?? '0.0') ?? NO_VERSION;
          const before = this.#newest.get(name) ?? NO_VERSION;
          if (compareVersions(version, before) < 0)
            this.wentBack.push(`${name} ${JSON.stringify(before)} -> ${JSON.stringify(version)}`);
          this.#newest.set(name, version);
        }
      } catch {
        // The hub is away: that is what these tests do to it.
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
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
