import { contest, type Trap } from './trap.js';

const FOLDER = 'tunnel/coded/congestion';
const CONTROLLER = {
  file: 'tunnel/coded/congestion/controller.test.js',
  property:
    'whatever is told, the window stays within its limits and the sender never falls silent',
  burst: 'a late wake-up is made good by a small burst only',
} as const;
const START_UP = 'tunnel/coded/congestion/start-up.test.js';
const FADES = 'hardware-tests/tunnel/fades.test.js';

/** The traps of reference measurements of congestion control, in their order. */
export const CONGESTION_TRAPS: readonly Trap[] = [
  {
    name: 'start-counts',
    what: 'what start-up loses by overflow counts as loss of the link',
    patches: [
      {
        file: `${FOLDER}/loss-gauge.js`,
        find: '#judgedFrom = Infinity;',
        replace: '#judgedFrom = 0;',
      },
      {
        file: `${FOLDER}/loss-gauge.js`,
        find: 'judgeFrom(nextNumber) {',
        replace: 'judgeFrom(nextNumber) { return;',
      },
      { file: `${FOLDER}/loss-gauge.js`, find: 'EMPTY_SHARE = 0.4', replace: 'EMPTY_SHARE = 1' },
    ],
    file: 'tunnel/coded/congestion/loss-gauge.test.js',
    title: 'what start-up loses by overflow is not taken for loss of the link',
  },
  {
    name: 'runaway',
    what: 'beside BBR all loss is made good, not only what the link loses',
    patches: [
      {
        file: `${FOLDER}/compete-mode.js`,
        find: 'round.rawRate / (1 - Math.min(round.randomLoss,',
        replace: 'round.rawRate / (1 - Math.min(round.persistentLoss,',
      },
    ],
    ...contest('beside bbr, RTT 40, queue 1 BDP, 0 % loss, bbr first'),
  },
  {
    name: 'polluted-base',
    what: 'a queue that stood before we began hides the rival for ever',
    patches: [
      {
        file: `${FOLDER}/rival-watch.js`,
        find: 'const reference = Math.min(rivalTargetMaxMs, targetMs, 2 * own);',
        replace: 'const reference = Infinity;',
      },
    ],
    ...contest('beside cubic, RTT 40, queue 1 BDP, 0 % loss, cubic first'),
  },
  {
    name: 'short-rounds',
    what: 'a first round of a few milliseconds tells an absurd rate, and start-up ends with it',
    patches: [
      { file: `${FOLDER}/start-up.js`, find: 'if (round.ms < baseMs / 2)', replace: 'if (false)' },
      { file: `${FOLDER}/constants.js`, find: 'roundMinMs: 5,', replace: 'roundMinMs: 0.01,' },
    ],
    file: START_UP,
    title: 'a first round of a few milliseconds tells no rate, and start-up goes on',
  },
  {
    name: 'late-rate',
    what: 'start-up ends with the rate of a round, which lags behind by half',
    patches: [
      {
        file: `${FOLDER}/start-up.js`,
        find: 'return Math.min(Math.max(rate, slope), rate * SLOPE_TIMES_MAX);',
        replace: 'return rate / 2;',
      },
    ],
    file: START_UP,
    title: 'start-up ends with the rate of the last arrivals: that of a round lags behind by half',
  },
  {
    name: 'no-hole-rule',
    what: 'what a fade has lost fills the window for as long again',
    patches: [
      {
        file: `${FOLDER}/silence.js`,
        find: 'if (this.#timeOuts > 0)',
        replace: 'if (this.#timeOuts >= 0)',
      },
    ],
    file: FADES,
    title: 'what a fade has lost leaves the window by time alone, long before a time-out',
  },
  {
    name: 'patient-probes',
    what: 'time-outs double without a limit: a blackout costs its length again',
    patches: [
      {
        file: `${FOLDER}/silence.js`,
        find: 'base * 2 ** Math.min(3, this.#timeOuts)',
        replace: 'base * 2 ** this.#timeOuts',
      },
      {
        file: `${FOLDER}/silence.js`,
        find: 'Math.min(backedOff, Math.max(base, timeOutMaxMs))',
        replace: 'backedOff',
      },
    ],
    ...contest('first second after a 2 s blackout, RTT 40: of the rate'),
  },
  {
    name: 'trusted-calls',
    what: 'every call opens the window, though only the way back is heard',
    patches: [
      {
        file: `${FOLDER}/controller.js`,
        find: ' || this.#trusts || quietMs < awayMs',
        replace: '',
      },
    ],
    file: 'hardware-tests/tunnel/session.test.js',
    title: 'calls over a link that is away upwards only open no window, RTT 300',
  },
  {
    name: 'no-number',
    what: 'a rate without a sample makes the window no number, and the sender silent for ever',
    patches: [
      {
        file: `${FOLDER}/window-law.js`,
        find: 'if (!(this.#window >= CONGESTION.windowMin))',
        replace: 'if (this.#window < CONGESTION.windowMin)',
      },
      {
        file: `${FOLDER}/round-gauge.js`,
        find: 'return Math.max(0, this.#rates.value);',
        replace: 'return this.#rates.value / this.#rates.value;',
      },
    ],
    file: CONTROLLER.file,
    title: CONTROLLER.property,
  },
  {
    name: 'frozen-growth',
    what: 'growth stops at every burst of losses',
    patches: [
      {
        file: `${FOLDER}/delay-mode.js`,
        find: '6 * Math.sqrt(expected) + 3',
        replace: '0',
      },
    ],
    file: FADES,
    title: 'bursts of four packets, RTT 300: goodput',
  },
  {
    name: 'endless-credit',
    what: 'a late wake-up is made good in one burst',
    patches: [
      {
        file: `${FOLDER}/pacer.js`,
        find: 'Math.max(this.#dueAt, now - credit)',
        replace: 'Math.max(this.#dueAt, now - 1_000)',
      },
    ],
    file: CONTROLLER.file,
    title: CONTROLLER.burst,
  },
  {
    name: 'endless-drains',
    what: 'the queue is emptied all the time, which costs half a round each',
    patches: [
      { file: `${FOLDER}/constants.js`, find: 'drainEveryMs: 5_000', replace: 'drainEveryMs: 300' },
      {
        file: `${FOLDER}/constants.js`,
        find: 'drainEveryRoundTrips: 30',
        replace: 'drainEveryRoundTrips: 1',
      },
    ],
    ...contest('alone, RTT 100, 0 % loss: goodput'),
  },
];
