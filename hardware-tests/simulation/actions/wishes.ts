import type { Gateway } from '../gateway.js';
import type { Scene } from '../scene.js';
import type { Action } from './action.js';

/** What people want: through the hub's API, on the gateway itself, with a hand at the device. */
export const WISHES: readonly Action[] = [
  { name: 'desire', weight: 18, run: desire },
  { name: 'local', weight: 6, run: writeLocally },
  { name: 'knob', weight: 2, run: turnKnob },
];

function desire(scene: Scene, gateway: Gateway): void {
  const request = { ...scene.writable(gateway), value: scene.newValue(), actor: 'operator:x' };
  const { device, property, value } = request;
  scene.checkers.wished(`${device}/${property}`);
  // Not awaited: the hub may die before it answers.
  scene.world.hub.program?.fleet.setDesired(request).then(
    ({ version }) => scene.checkers.promised(`${device}/${property}`, version, value),
    () => undefined,
  );
}

function writeLocally(scene: Scene, gateway: Gateway): void {
  const write = { ...scene.writable(gateway), value: scene.newValue(), actor: 'cli' };
  gateway.program?.twins.writeLocal(write).catch(() => undefined);
}

function turnKnob(scene: Scene, gateway: Gateway): void {
  const { device, property } = scene.writable(gateway);
  const register = gateway.plant.register(`${device}/${property}`);
  register.value = scene.newValue();
  register.drifted = true;
}
