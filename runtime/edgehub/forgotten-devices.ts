import type { DeviceId } from '#protocol/device.js';
import type { StateRow } from '#protocol/sync-message.js';

/** What an acknowledgement of rows means beside what it accepts. */
interface Judged {
  /** Accounted for: applied, obsolete, or refused for good. */
  readonly settled: readonly StateRow[];
  /** Still the hub's due, once their device is announced again. */
  readonly kept: readonly StateRow[];
  readonly forgotten: readonly DeviceId[];
}

/**
 * Devices whose announcement the hub has acknowledged and whose rows it refuses because it does not
 * know them: its store went back (docs/sync-protocol.md section 4.2). They are announced again and
 * their rows sent again, once a session and life of the device, so that two ends that disagree for
 * good do not talk for ever. Until then nothing of such a device leaves.
 */
export class ForgottenDevices {
  /** By life: the last message that left before it was announced again; Infinity: it is not yet. */
  readonly #lives = new Map<string, number>();
  readonly #waiting = new Set<DeviceId>();

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  has(device: DeviceId): boolean {
    return this.#waiting.has(device);
  }

  clear(): void {
    this.#lives.clear();
    this.#waiting.clear();
  }

  /** `id` names the message of the rows, `rejected` has the codes by their index. */
  judge(id: number, rows: readonly StateRow[], rejected: ReadonlyMap<number, string>): Judged {
    const settled: StateRow[] = [];
    const kept: StateRow[] = [];
    const forgotten = new Set<DeviceId>();
    rows.forEach((row, index) => {
      const life = lifeOf(row);
      const isForgotten = rejected.get(index) === 'EDGE_NO_DEVICE';
      if (!isForgotten || id > (this.#lives.get(life) ?? Infinity)) {
        settled.push(row);
        return;
      }
      kept.push(row);
      if (this.#lives.has(life)) return;
      this.#lives.set(life, Infinity);
      this.#waiting.add(row.device);
      forgotten.add(row.device);
    });
    return { settled, kept, forgotten: [...forgotten] };
  }

  announcedAgain(devices: readonly DeviceId[], lastId: number): void {
    for (const device of devices) this.#waiting.delete(device);
    for (const [life, id] of this.#lives) if (id === Infinity) this.#lives.set(life, lastId);
  }
}

function lifeOf({ device, incarnation }: StateRow): string {
  return `${device} ${incarnation.gen}.${incarnation.n}`;
}
