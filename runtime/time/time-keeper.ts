import type { Timer } from '#protocol/clock.js';
import type { Log } from '#protocol/log.js';
import type { Welcome } from '#protocol/sync-message.js';
import type { LearntBoot } from '#protocol/taken-at.js';
import type { TimeQuality } from '#protocol/twin.js';
import type { Channel } from '../edgehub/channel.js';
import type { MetaStore } from '../metamanager/meta-store.js';
import { TIME_TOLERANCE_MS } from './wall-clock.js';
import type { WallClock } from './wall-clock.js';

/** The floor is kept so often; a crash loses as much of it, and it is only a lower bound. */
const KEEP_EVERY_MS = 60 * 60_000;

/** This program cannot run before it was written. */
const WRITTEN_MS = Date.UTC(2026, 10, 1);

/** A hub that claims to be later is wrong, and its time would be refused by most that is shown. */
const END_MS = Date.UTC(2200, 0, 1);

/** Of earlier boots only rows that are still unsent need the time. */
const BOOTS_KEPT = 8;

export interface TimeKeeperOptions {
  readonly meta: MetaStore;
  readonly log: Log;
}

/** The floor that an earlier process of this gateway has left. */
export function keptFloorMs(meta: MetaStore): number {
  return Math.max(WRITTEN_MS, meta.get('time', 'self')?.floorMs ?? 0);
}

/** Boots of this machine of which the time is known. */
export function learntBoots(tables: Pick<MetaStore, 'get'>): readonly LearntBoot[] {
  return tables.get('time', 'self')?.learnt ?? [];
}

/** Keeps the floor of the wall clock, and learns the time from each WELCOME. */
export class TimeKeeper implements Channel {
  readonly feature = 'time';
  readonly inFlight = 0;
  #clock: WallClock;
  #options: TimeKeeperOptions;
  #timer: Timer | undefined;

  constructor(clock: WallClock, options: TimeKeeperOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#clock.setTimer('keep-time', KEEP_EVERY_MS, () => {
      this.#keep();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#keep();
  }

  status(): { readonly quality: TimeQuality; readonly wall: number } {
    return { quality: this.#clock.quality(), wall: this.#clock.wallTime() };
  }

  begin(): void {
    // The time was learnt when WELCOME came: what leaves now carries it.
  }

  heard({ wallMs }: Welcome): void {
    this.learn(wallMs);
  }

  /** The hub said what time it is. */
  learn(wallMs: number | undefined): void {
    if (wallMs === undefined || wallMs < WRITTEN_MS || wallMs > END_MS) return;
    const byMs = this.#clock.learn(wallMs);
    this.#keep();
    if (Math.abs(byMs) <= TIME_TOLERANCE_MS) return;
    this.#options.log.warn('clock-corrected', {
      byMs: Math.round(byMs),
      hint: 'Timestamps follow the hub: set up time synchronisation on this machine.',
    });
  }

  end(): void {
    // The time that was learnt stays.
  }

  receive(): boolean {
    return false;
  }

  next(): undefined {
    return undefined;
  }

  wakeAt(): undefined {
    return undefined;
  }

  onReady(): void {
    // It never has anything to send.
  }

  #keep(): void {
    const { meta } = this.#options;
    const floorMs = Math.round(this.#clock.floorMs());
    const learnt = withBoot(learntBoots(meta), this.#clock.learntBoot());
    const row = { floorMs, ...(learnt.length === 0 ? {} : { learnt }) };
    meta.commitSoon([{ table: 'time', key: 'self', row }]);
  }
}

/**
 * Each boot once: as it was learnt first, or a time that was dated by it would differ by the noise of
 * the clocks from what the hub was told; as it was told last when the first was wrong.
 */
function withBoot(
  boots: readonly LearntBoot[],
  learnt: LearntBoot | undefined,
): readonly LearntBoot[] {
  if (learnt === undefined) return boots;
  const known = boots.find(({ boot }) => boot === learnt.boot);
  if (known !== undefined && Math.abs(known.beganMs - learnt.beganMs) <= TIME_TOLERANCE_MS)
    return boots;
  return [...boots.filter(({ boot }) => boot !== learnt.boot), learnt].slice(-BOOTS_KEPT);
}
