import type { DeviceId } from '#protocol/device.js';
import type { Local, LocalResult } from '#protocol/sync-message.js';
import { sameVersion } from '#protocol/twin.js';
import type { Version } from '#protocol/twin.js';
import type { LocalQueue } from '../devicetwin/twin-event.js';
import { GATEWAY_LIMITS } from '../limits.js';
import { propertyKey } from '../metamanager/tables.js';
import { Unanswered } from './unanswered.js';

/**
 * Local writes that the hub has not decided: lost ones first, then the pending one; one LOCAL per
 * property in flight (docs/sync-protocol.md section 4.5, invariant I12).
 */
export class LocalWritesQueue {
  #queues = new Map<string, LocalQueue>();
  #inFlight = new Unanswered<string, Version>();

  get undecided(): number {
    let count = 0;
    for (const { writes } of this.#queues.values()) count += writes.length;
    return count;
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Since when an answer is missing although a later one came. */
  get overtakenAtMs(): number {
    return this.#inFlight.overtakenAtMs();
  }

  add(queues: readonly LocalQueue[]): void {
    for (const queue of queues) {
      const key = propertyKey(queue.device, queue.property);
      if (queue.writes.length === 0) this.#queues.delete(key);
      else this.#queues.set(key, queue);
    }
  }

  replace(queues: readonly LocalQueue[]): void {
    this.#queues.clear();
    this.add(queues);
  }

  restart(): void {
    this.#inFlight.clear();
  }

  /** What may leave now; `blocked` devices are not announced yet. */
  next(epoch: number, blocked: (device: DeviceId) => boolean): Local[] {
    const messages: Local[] = [];
    for (const [key, { device, incarnation, property, writes }] of this.#queues) {
      if (this.#inFlight.size >= GATEWAY_LIMITS.localsInFlight) break;
      const [write] = writes;
      if (write === undefined || this.#inFlight.has(key) || blocked(device)) continue;
      const { lid, base, chainStart, value } = write;
      this.#inFlight.add(key, lid);
      messages.push({
        kind: 'local',
        epoch,
        device,
        incarnation,
        property,
        lid,
        base,
        chainStart,
        value,
      });
    }
    return messages;
  }

  /**
   * True when this answers what is in flight. The write leaves the queue at once: the journal
   * follows, and a crash before it only repeats the LOCAL.
   */
  decide({ device, property, lid }: LocalResult, now: number): boolean {
    const key = propertyKey(device, property);
    const flying = this.#inFlight.get(key);
    if (flying === undefined || !sameVersion(flying, lid)) return false;
    this.#inFlight.answered(key, now);
    const queue = this.#queues.get(key);
    if (queue !== undefined) {
      const writes = queue.writes.filter((write) => !sameVersion(write.lid, lid));
      this.add([{ ...queue, writes }]);
    }
    return true;
  }
}
