/**
 * The constants of congestion control, found over emulated links beside kernel cubic and BBR
 * flows. Times in milliseconds; windows, rates and sizes in full packets of `packetBytes`, so that
 * small packets count by their share of one.
 */
export const CONGESTION = {
  /** IP bytes of a full packet: the unit of all windows here. */
  packetBytes: 1_228,
  /** What a TCP packet is in that unit: cubic and Reno grow by theirs. */
  tcpPackets: 1_500 / 1_228,
  windowInitial: 10,
  windowMin: 4,
  /** The symbol window: 20 Mbit/s over 1.2 s. */
  windowMax: 2_048,
  /** Packets in flight, however small: half of what the ledger of sent packets remembers. */
  flyingMax: 4_096,
  /** Packets that left the flight and may yet turn out to have arrived. */
  rememberedMax: 1_024,
  /** Packets per millisecond at least: one in 250 ms. */
  paceMin: 0.004,
  /** A late wake-up may be made good by so many milliseconds of packets, two at least. */
  burstMs: 3,
  burstPackets: 2,

  /** Queue target: `targetMs` at `targetRate` packets a second, longer when slower. */
  targetMs: 10,
  targetRate: 1_000,
  targetExponent: 0.75,
  targetMinMs: 4,
  targetMaxMs: 40,
  /** In front of a short buffer: this share of it, this much at least. */
  targetOfFull: 0.35,
  targetOfFullMinMs: 2.5,
  /** Part of the way to the target window that one window of acknowledgements goes. */
  gain: 0.5,
  /** A window is used when this share of it was in flight in the round. */
  usedShare: 0.75,
  /** Rounds below this share of the target speed growth up, 2^v up to v = velocityMax. */
  velocityBelow: 0.4,
  velocityAfterRounds: 2,
  velocityMax: 5,

  /** Base delay: the least of three times so long. */
  baseStepMs: 10_000,
  baseSteps: 3,
  /** The queue: the least over half a round trip, within these bounds. */
  queueSpanMinMs: 8,
  queueSpanMaxMs: 60,
  /** The largest queue of so long. */
  queueMaxSpanMs: 10_000,
  /** Rounds are not shorter. */
  roundMinMs: 5,

  drainEveryMs: 5_000,
  drainEveryRoundTrips: 30,
  drainRounds: 2,
  drainShare: 0.5,
  /** The same to test whether the rival has gone. */
  testEveryMs: 4_000,
  testEveryRoundTrips: 20,
  testShare: 0.75,
  /** So many times as long beside a rival that does not yield to loss: it takes what a test gives up. */
  rateTestSpell: 1.5,
  testsToLeave: 2,

  /** A queue above 1.5 targets + 2 ms for so many rounds more than below it proves a rival. */
  rivalRounds: 8,
  rivalMs: 300,
  /** The same when there was one within `rivalAgainMs`. */
  rivalAgainRounds: 2,
  rivalAgainSpanMs: 100,
  rivalAgainMs: 10_000,
  rivalTargetMaxMs: 24,
  /** An own target of so long ago says what the own rate was before the rival came. */
  rivalTargetSpanMs: 5_000,
  /** Loss beyond the random one that comes with a queue only, for so many rounds. */
  overflowRounds: 6,

  /** Cubic (RFC 9438). */
  cubicC: 0.4,
  cubicBeta: 0.7,
  /** Growth per acknowledged packet until the first congestion event of a competition. */
  competeStartGain: 0.4,
  decreaseEveryMs: 300,
  /** Persistent loss at which a rival is not cubic; and below which it may be. */
  rateAboveLoss: 0.02,
  windowBelowLoss: 0.008,
  rateGain: 1.25,
  rateGainShallow: 1.05,
  rateWindow: 2.7,

  /** Nothing heard for so long: all in flight is given up. */
  timeOutMinMs: 60,
  timeOutMaxMs: 300,
  /** The window while nothing is heard, of the former one, and its pace in windows a round trip. */
  silenceShare: 1 / 16,
  silencePace: 0.5,
  /**
   * Not a packet of any kind for so long, and no shorter than a time-out: the link was away both
   * ways, and the first packet says that it is back. Ten calls of a receiver: when only the own
   * direction is away, they are heard all the time.
   */
  awayMinMs: 300,
  /** A silence longer than this halves the window that is resumed: much may have changed. */
  longSilenceMs: 10_000,
} as const;
