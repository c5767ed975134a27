import type { ManualClock } from '#protocol/manual-clock.js';
import type { Random } from '#protocol/random.js';
import { MemoryNetwork } from '#tunnel/memory.js';
import type { Flight } from '#tunnel/memory-connection.js';
import type { LinkOptions } from './options.js';

export type Way = Flight['way'];

/** An end notices after so long that it hears nothing; shorter than the transport's, to see more. */
const SILENCE_MS = 3000;
/** The first retransmission; each further one takes twice as long, up to a limit. */
const RETRANSMIT_MS = 250;
/** What a message may take at most, or a session that stands would seem to be gone. */
const FLIGHT_MAX_MS = 8000;
const BURST_LOSS = 0.9;

interface Link {
  /** Since when nothing passes; undefined while it does. */
  readonly blocked: Record<Way, number | undefined>;
  /** What waits for the way to open again. */
  readonly held: Record<Way, Flight[]>;
  /** Without reordering nothing arrives before what left earlier. */
  readonly newestMs: Record<Way, number>;
  burstEndsMs: number;
  /** So many messages until the link breaks. */
  breaksAfter: number;
}

/**
 * The network of a world: every message's fate is drawn from the seed. A loss on the wire is what a
 * transport makes of it, delay; a way that is blocked for longer than a moment costs the session.
 */
export class Weather {
  readonly network: MemoryNetwork;
  /** How often each kind of trouble struck a message. */
  readonly counts = { carried: 0, lost: 0, dropped: 0, duplicated: 0, held: 0, broken: 0 };
  /** Looks at every message; false takes it out of the weather's hands. */
  inspect: (flight: Flight) => boolean = () => true;
  reorders = true;
  /** False from the end of the storm on: no loss, no drops, no duplicates. */
  isRough = true;
  readonly #clock: ManualClock;
  readonly #random: Random;
  readonly #options: LinkOptions;
  readonly #links = new Map<string, Link>();
  readonly #calm = new Set<string>();

  constructor(clock: ManualClock, random: Random, options: LinkOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.network = new MemoryNetwork({
      clock,
      random,
      latencyMs: options.latencyMs,
      silenceMs: SILENCE_MS,
      carry: (flight) => {
        if (this.inspect(flight)) this.carry(flight);
      },
      canDial: (node) => !this.isBlocked(node),
    });
  }

  isBlocked(node: string): boolean {
    const { up, down } = this.#link(node).blocked;
    return up !== undefined || down !== undefined;
  }

  block(node: string, ...ways: readonly Way[]): void {
    for (const way of ways) {
      const { blocked } = this.#link(node);
      if (blocked[way] !== undefined) continue;
      const now = this.#clock.now();
      blocked[way] = now;
      // The end that hears nothing finds out; then the other one hears nothing either.
      const isStill = (): boolean => this.#link(node).blocked[way] === now;
      this.#clock.setTimer('silence', SILENCE_MS * (1 + this.#random.unit()), () => {
        if (!isStill()) return;
        for (const { dialled, accepted } of this.network.linksOf(node))
          (way === 'up' ? accepted : dialled).sever();
      });
    }
  }

  open(node: string): void {
    const { blocked, held } = this.#link(node);
    for (const way of ['up', 'down'] as const) {
      blocked[way] = undefined;
      for (const flight of held[way].splice(0)) this.carry(flight);
    }
  }

  /** The wire of this node loses nearly everything for a while. */
  burst(node: string, ms: number): void {
    this.#link(node).burstEndsMs = this.#clock.now() + ms;
  }

  /** The link breaks with so many more messages, for a while: sessions die in the middle of a word. */
  breakAfter(node: string, messages: number): void {
    this.#link(node).breaksAfter = messages;
  }

  /** This node's link has no troubles any more, whatever the others have. */
  calm(node: string): void {
    this.#calm.add(node);
    this.#link(node).burstEndsMs = 0;
    this.#link(node).breaksAfter = Infinity;
    this.open(node);
  }

  carry(flight: Flight): void {
    const link = this.#link(flight.node);
    this.counts.carried++;
    if (--link.breaksAfter < 0) this.#break(flight.node, link);
    if (link.blocked[flight.way] !== undefined) {
      this.counts.held++;
      link.held[flight.way].push(flight);
      return;
    }
    const isRough = this.isRough && !this.#calm.has(flight.node);
    const { dropped, duplicated } = this.#options;
    const atMs = this.#clock.now() + this.#flightMs(link, isRough);
    if (isRough && flight.bytes !== undefined && this.#random.unit() < dropped) {
      this.counts.dropped++;
      this.#clock.setTimer('message', atMs - this.#clock.now(), flight.lose);
      return;
    }
    this.#deliver(link, flight, atMs);
    if (!isRough || flight.bytes === undefined || this.#random.unit() >= duplicated) return;
    this.counts.duplicated++;
    this.#deliver(link, flight, atMs + this.#random.unit() ** 2 * FLIGHT_MAX_MS);
  }

  #break(node: string, link: Link): void {
    link.breaksAfter = Infinity;
    this.counts.broken++;
    this.block(node, 'up', 'down');
    const [up, down] = [link.blocked.up, link.blocked.down];
    this.#clock.setTimer('mend', SILENCE_MS * 2 + this.#random.unit() * 10_000, () => {
      if (link.blocked.up === up && link.blocked.down === down) this.open(node);
    });
  }

  #deliver(link: Link, flight: Flight, atMs: number): void {
    // A goodbye ends the connection: what left before it comes first, or it would be lost too often.
    const inOrder = !this.reorders || flight.bytes === undefined;
    const arrivesMs = inOrder ? Math.max(atMs, link.newestMs[flight.way]) : atMs;
    link.newestMs[flight.way] = Math.max(link.newestMs[flight.way], arrivesMs);
    this.#clock.setTimer('message', arrivesMs - this.#clock.now(), () => {
      // What was under way when the way was blocked waits as well.
      if (link.blocked[flight.way] === undefined) flight.arrive();
      else link.held[flight.way].push(flight);
    });
  }

  #flightMs(link: Link, isRough: boolean): number {
    const { latencyMs, jitterMs, loss } = this.#options;
    let ms = latencyMs + this.#random.unit() * jitterMs;
    if (!isRough) return ms;
    const share = this.#clock.now() < link.burstEndsMs ? BURST_LOSS : loss;
    let again = RETRANSMIT_MS;
    while (share > 0 && ms < FLIGHT_MAX_MS && this.#random.unit() < share) {
      this.counts.lost++;
      ms += again;
      again *= 2;
    }
    return Math.min(ms, FLIGHT_MAX_MS);
  }

  #link(node: string): Link {
    let link = this.#links.get(node);
    if (link === undefined) {
      link = {
        blocked: { up: undefined, down: undefined },
        held: { up: [], down: [] },
        newestMs: { up: 0, down: 0 },
        burstEndsMs: 0,
        breaksAfter: Infinity,
      };
      this.#links.set(node, link);
    }
    return link;
  }
}
