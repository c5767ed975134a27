import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

/** Devices that are away, removed from the configuration, and put back. */
export const SENSORS: readonly Action[] = [
  {
    name: 'away',
    weight: 2,
    fault: 'away',
    run: (_, { plant }) => void (plant.away = !plant.away),
  },
  {
    name: 'devices',
    weight: 2,
    fault: 'devices',
    run: (scene, gateway) => changeDevices(scene, gateway),
  },
];

/** As a person does it: edit the file, restart the gateway. */
export function changeDevices(scene: Scene, gateway: Gateway): void {
  const { devices } = gateway.plant;
  const removes = gateway.devices.length === devices.length;
  for (const { id } of devices.slice(1)) if (removes) scene.checkers.forget(gateway, id);
  gateway.devices = removes ? devices.slice(0, 1) : devices;
  if (!gateway.isPowered) return;
  gateway.crash();
  gateway.start();
}
