/**
 * The constants of the redundancy rule, found by simulation of the message path at 0 to 30 % loss,
 * round trips of 40 to 600 ms, bursts and full queues (`npm run bench -- tunnel-sim` repeats it).
 */
export const RECOVERY = {
  /** Below this loss no copies are made: it is the decay to plain retransmission. */
  lossMin: 0.01,
  /** No estimate goes further: beyond it the link is broken, not lossy. */
  lossMax: 0.5,
  /** Conditional loss above which a copy a few ms later is wasted: no copies. */
  burstNoCopies: 0.5,
  /** Conditional loss above which retransmissions are spaced widely. */
  burstSpaced: 0.35,
  /** Transmissions of the first flight at most. */
  transmissionsMax: 5,
  /** Milliseconds between copies; between those of a retransmission in bursts. */
  spacingMs: 5,
  burstSpacingMs: 30,
  /** Symbols that a copy's row combines: the copied one and the newest others. */
  copyMembers: 8,
  /** A copy travels along with any packet that leaves so long after the symbol's last one. */
  alongAfterMs: 1,
  /** Bytes of copies allowed per byte of first transmissions, and how many may be saved up. */
  budgetShare: 3.5,
  budgetBytesMax: 20_000,
  /** A row's and a packet's bytes beside the symbol, for the budget. */
  packetOverheadBytes: 28 + 13 + 16 + 4,
  /** An acknowledgement waits at most so long, and this share of the round trip. */
  ackDelayMaxMs: 60,
  ackDelayShare: 0.6,
  /** One repeated later says nothing of the round trip: the wire tells 2,047 ms at most. */
  ackDelayKnownMs: 2_000,
  /** Bytes that are acknowledged at once: two packets of bulk. */
  ackAfterBytes: 2_000,
  /** Acknowledgement delays that a symbol with copies waits more while newer ones are under way. */
  patienceDelays: 2,
  /** Rounds of retransmission before they are spaced out, by this factor, up to that one. */
  roundsAtFullPace: 4,
  backoff: 1.5,
  backoffMax: 8,
  /** From this round on bulk is sent twice: few are so late, and the window waits for them. */
  bulkRoundsAlone: 3,
  /** Above this loss each round sends one copy more. */
  lossHeavy: 0.25,
  /** Packets later than the one that is missed, and how long to wait when there are none. */
  missedAfterPackets: 3,
  missedAfterMs: 20,
  /** Milliseconds between two packets for their losses to say something about bursts. */
  pairMs: { min: 1, max: 40 },
  /** Weight, in packets, of what a former session learnt. */
  rememberedSamples: 64,
  /** Reordering assumed until more is seen, milliseconds. */
  reorderingMs: 4,
  /** Copies stop for so long after a standing queue, doubled when it returns within `backMs`. */
  holdMs: 2_000,
  holdMaxMs: 60_000,
  backMs: 60_000,
  /** Rows of a bulk tail: all of it is known without another round trip but for this share. */
  tailRisk: 0.02,
} as const;

/**
 * What a message is worth. `asap`: one-way delay + 10 ms in 99 of 100, at some two to four times
 * the bytes of a lossy link. `lean`: a lost one waits for its retransmission, 1.5 round trips +
 * 20 ms. `bulk`: throughput; a lost one is repeated once at a time.
 */
export type OperatingPoint = 'asap' | 'lean' | 'bulk';

/** The one constant that makes them: the share of messages that may need a retransmission. */
export const RESIDUAL_LOSS: Readonly<Record<OperatingPoint, number>> = {
  asap: 0.005,
  lean: 1,
  bulk: 1,
};
