import type { DeviceId } from '#protocol/device.js';
import { EdgeError } from '#protocol/errors.js';
import type { Desired } from '#protocol/twin.js';
import type { DeviceView, Fleet, NodeView, SetDesired } from '../fleet.js';

/** A node, or with `*` at the end all whose names begin so. */
export const NODE_PATTERN = /^(?:[a-z0-9][a-z0-9.-]{0,252}\*?|\*)$/;

/** `undefined`: the whole fleet. */
export type Scope = readonly string[] | undefined;

export function covers(scope: Scope, node: string): boolean {
  if (scope === undefined) return true;
  return scope.some((own) =>
    own.endsWith('*') ? node.startsWith(own.slice(0, -1)) : own === node,
  );
}

export type FleetPart = Pick<Fleet, 'nodes' | 'node' | 'devices' | 'device' | 'setDesired'>;

/** The fleet as a token of some nodes sees it: what is outside of them is not there. */
export function within(fleet: FleetPart, scope: Scope): FleetPart {
  return scope === undefined ? fleet : new ScopedFleet(fleet, scope);
}

class ScopedFleet implements FleetPart {
  readonly #fleet: FleetPart;
  readonly #scope: Scope;

  constructor(fleet: FleetPart, scope: Scope) {
    this.#fleet = fleet;
    this.#scope = scope;
  }

  nodes(): readonly NodeView[] {
    return this.#fleet.nodes().filter(({ name }) => covers(this.#scope, name));
  }

  node(name: string): NodeView | undefined {
    return covers(this.#scope, name) ? this.#fleet.node(name) : undefined;
  }

  devices(filter?: { readonly node?: string }): readonly DeviceView[] {
    return this.#fleet.devices(filter).filter(({ node }) => covers(this.#scope, node));
  }

  device(id: DeviceId): DeviceView | undefined {
    const device = this.#fleet.device(id);
    return device !== undefined && covers(this.#scope, device.node) ? device : undefined;
  }

  async setDesired(request: SetDesired): Promise<Desired> {
    if (this.device(request.device) !== undefined) return this.#fleet.setDesired(request);
    throw new EdgeError('EDGE_NO_DEVICE', `there is no device ${request.device}`, {
      hint: 'GET /api/v1/devices lists the devices that this token may see.',
    });
  }
}
