import type { DeviceId } from '#protocol/device.js';
import { HUB_LIMITS } from '../limits.js';

export interface PropertyRef {
  readonly node: string;
  readonly device: DeviceId;
  readonly property: string;
}

interface Heard {
  readonly ref: PropertyRef;
  readonly heardMs: number;
  /** The value counts as stale from here on; -Infinity once that was said. */
  staleMs: number;
}

/**
 * When the hub heard each value, on its monotonic clock: the only ground on which a value is shown
 * as fresh. A value heard by an earlier process of the hub, or before the node went away, is not.
 */
export class Freshness {
  readonly #nodes = new Map<string, Map<string, Heard>>();
  /** No value of the node turns stale before this. */
  readonly #nextMs = new Map<string, number>();

  /** `reportCycleMs`: how often the gateway reports the property even when it does not change. */
  heard(ref: PropertyRef, reportCycleMs: number, nowMs: number): void {
    const lifeMs = Math.max(HUB_LIMITS.freshCycles * reportCycleMs, HUB_LIMITS.freshMs);
    const staleMs = nowMs + lifeMs;
    const node = this.#nodes.get(ref.node) ?? new Map<string, Heard>();
    this.#nodes.set(ref.node, node);
    node.set(keyOf(ref), { ref, heardMs: nowMs, staleMs });
    this.#nextMs.set(ref.node, Math.min(this.#nextMs.get(ref.node) ?? Infinity, staleMs));
  }

  isFresh(ref: PropertyRef, nowMs: number): boolean {
    const heard = this.#nodes.get(ref.node)?.get(keyOf(ref));
    return heard !== undefined && nowMs < heard.staleMs;
  }

  /** Milliseconds since the value was heard; undefined when this process never heard it. */
  ageMs(ref: PropertyRef, nowMs: number): number | undefined {
    const heard = this.#nodes.get(ref.node)?.get(keyOf(ref));
    return heard === undefined ? undefined : nowMs - heard.heardMs;
  }

  /** Values that turned stale since the last call; each is named once. */
  expire(nowMs: number): PropertyRef[] {
    const expired: PropertyRef[] = [];
    for (const [name, nextMs] of this.#nextMs)
      if (nextMs <= nowMs) expired.push(...this.#expireNode(name, nowMs));
    return expired;
  }

  /** The node went away: nothing of it is fresh until it is heard again. Names what was. */
  lose(node: string): PropertyRef[] {
    return this.#expireNode(node, Infinity);
  }

  forget(node: string, device: DeviceId): void {
    const heard = this.#nodes.get(node);
    for (const [key, { ref }] of heard ?? []) if (ref.device === device) heard?.delete(key);
  }

  #expireNode(name: string, nowMs: number): PropertyRef[] {
    const expired: PropertyRef[] = [];
    let nextMs = Infinity;
    for (const heard of this.#nodes.get(name)?.values() ?? []) {
      if (heard.staleMs === -Infinity) continue;
      if (heard.staleMs <= nowMs) {
        heard.staleMs = -Infinity;
        expired.push(heard.ref);
      } else nextMs = Math.min(nextMs, heard.staleMs);
    }
    if (nextMs === Infinity) this.#nextMs.delete(name);
    else this.#nextMs.set(name, nextMs);
    return expired;
  }
}

function keyOf({ device, property }: PropertyRef): string {
  return `${device}\n${property}`;
}
