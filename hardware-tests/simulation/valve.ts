import { DeviceDesk } from '#cloud/devicecontroller/device-desk.js';
import type { PutDeviceOutcome } from '#cloud/fleet.js';
import { EdgeError } from '#protocol/errors.js';
import type { Gateway } from './gateway.js';
import type { World } from './world.js';

/** What people create at the hub: one device of each gateway, which no file has. */
export function valveOf({ node }: Pick<Gateway, 'node'>): string {
  return `default/valve-${node}`;
}

export interface ValveWish {
  readonly cycle?: string;
  /** Types of properties beside `position`: another form is another life. */
  readonly forms?: Readonly<Record<string, string>>;
  /** What the documents desire of `position`. */
  readonly desired?: number;
}

export async function createValve(
  { hub }: World,
  gateway: Pick<Gateway, 'node'>,
  { cycle = '1s', forms = {}, desired }: ValveWish = {},
): Promise<PutDeviceOutcome> {
  const id = valveOf(gateway);
  const [, name] = id.split('/');
  const types = { position: 'INT', ...forms };
  const fleet = hub.program?.fleet;
  if (fleet === undefined) throw new EdgeError('EDGE_NOT_RUNNING', 'the hub is off');
  return new DeviceDesk(fleet).putDevice({
    id,
    actor: 'operator:x',
    device: {
      ...{ apiVersion: 'devices.kubeedge.io/v1beta1', kind: 'Device', metadata: { name } },
      spec: {
        deviceModelRef: { name: 'valve' },
        nodeName: gateway.node,
        protocol: { protocolName: 'plant', configData: { cycle } },
        properties: Object.keys(types).map((property) => ({
          name: property,
          ...{ collectCycle: cycle, reportCycle: cycle, reportToCloud: true },
          ...(property === 'position' && desired !== undefined
            ? { desired: { value: String(desired) } }
            : {}),
          visitors: { protocolName: 'plant', configData: {} },
        })),
      },
    },
    model: {
      ...{ apiVersion: 'devices.kubeedge.io/v1beta1', kind: 'DeviceModel' },
      metadata: { name: 'valve' },
      spec: {
        properties: Object.entries(types).map(([property, type]) => ({
          ...{ name: property, type, accessMode: 'ReadWrite' },
        })),
      },
    },
  });
}

export async function deleteValve({ hub }: World, gateway: Pick<Gateway, 'node'>): Promise<void> {
  const fleet = hub.program?.fleet;
  if (fleet === undefined) throw new EdgeError('EDGE_NOT_RUNNING', 'the hub is off');
  await new DeviceDesk(fleet).deleteDevice({ device: valveOf(gateway), actor: 'operator:x' });
}
