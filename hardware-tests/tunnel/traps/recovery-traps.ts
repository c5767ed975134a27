import { contest, LIVENESS, type Trap } from './trap.js';

const SENDER = 'tunnel/coded/recovery/symbol-sender.js';

/** Traps of retransmission and of the window of symbols. */
export const RECOVERY_TRAPS: readonly Trap[] = [
  {
    name: 'one-off',
    what: 'the first missing symbol counts as known: off by one',
    patches: [
      { file: SENDER, find: 'bit < -1 ||', replace: 'bit < 0 ||' },
      { file: SENDER, find: 'isKnown && bit !== -1', replace: 'isKnown' },
    ],
    ...LIVENESS,
  },
  {
    name: 'window-slides',
    what: 'the window slides past the oldest symbol that is not known',
    patches: [{ file: SENDER, find: '(this.#next - base)', replace: 'this.#flights.size / 2' }],
    file: 'hardware-tests/tunnel/fades.test.js',
    title: 'the window ends at the oldest symbol that is not known, however many others are',
  },
  {
    name: 'capped-list',
    what: 'of what is missing only the first sixteen are looked at',
    patches: [
      {
        file: SENDER,
        find: 'for (const { last, dueAt } of this.#flights.values())',
        replace: 'for (const { last, dueAt } of [...this.#flights.values()].slice(0, 16))',
      },
    ],
    ...LIVENESS,
  },
  {
    name: 'no-time-out',
    what: 'only evidence sends again, time never does: the last symbols of a burst stay lost',
    patches: [
      { file: SENDER, find: 'this.#due(flight, now + wait)', replace: 'flight.dueAt = Infinity' },
    ],
    ...LIVENESS,
  },
  {
    name: 'newest-run',
    what: 'an acknowledgement tells of the newest packets only: a lost one costs what it told',
    patches: [
      {
        file: 'tunnel/coded/recovery/received-packets.js',
        find: 'if (runs.length >= (long ? REPEATED_RUNS : 2 * CODED_LIMITS.ackRanges - 1))',
        replace: 'if (runs.length >= 1)',
      },
    ],
    ...contest('alone, RTT 100, 30 % loss: goodput'),
  },
  {
    name: 'copies-feed',
    what: 'copies go on while a queue stands, and feed it',
    patches: [
      {
        file: 'tunnel/coded/recovery/standing-queue.js',
        find: 'return !this.#standing && now >= this.#heldUntil;',
        replace: 'return true;',
      },
    ],
    file: 'hardware-tests/tunnel/message-path.test.js',
    title: 'copies stop by themselves at a standing queue, without congestion control',
  },
];
