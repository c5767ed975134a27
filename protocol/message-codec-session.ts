import { clip, trimmed } from './message-codec-fields.js';
import type { Fields } from './message-codec-fields.js';
import { LIMITS } from './limits.js';
import { FORKS_MAX } from './numbering.js';
import type {
  Bye,
  ByeReason,
  Confirm,
  CounterHistory,
  Hello,
  Ready,
  Unsupported,
  Welcome,
} from './sync-message.js';

/**
 * How one kind of message is laid out. `write` gives, and `read` takes, the positions after the
 * type code: `[epoch, id, ...]`. `id` is the message's own id, null when it is not acknowledged by
 * name; an id that is answered stands later.
 */
export interface MessageCodec<M> {
  readonly code: number;
  write(message: M): readonly unknown[];
  read(fields: Fields): M;
}

/** No epoch is known in these two. */
const NO_EPOCH = 0;

export const hello: MessageCodec<Hello> = {
  code: 1,
  write: (m) => [
    NO_EPOCH,
    null,
    m.boot,
    m.lineage,
    m.lastEpoch,
    history(m.state),
    history(m.samples),
    m.hubLineage,
    m.maxDesired,
    m.hubBoots,
    m.protocol.min,
    m.protocol.max,
    m.features,
    m.dictionaries,
    m.monotonicMs,
    clip(m.software),
    ...laterFields(m),
  ],
  read: (fields) => {
    fields.skip(2);
    return {
      kind: 'hello',
      boot: fields.hex64(),
      lineage: fields.hex64(),
      lastEpoch: fields.count(),
      state: readHistory(fields.nested('state history')),
      samples: readHistory(fields.nested('sample history')),
      hubLineage: fields.hex64OrNone(),
      maxDesired: fields.count(),
      hubBoots: fields.texts(LIMITS.hubBootsKept, (boots) => boots.hex64()),
      protocol: { min: fields.count(), max: fields.count() },
      features: readLabels(fields),
      dictionaries: readLabels(fields),
      monotonicMs: fields.finite(),
      software: fields.text(),
      ...readLaterFields(fields),
    };
  },
};

function laterFields({ gen, hubGen, hubDevices, fallback }: Hello): readonly unknown[] {
  const why = fallback === undefined ? null : clip(fallback);
  const fields = [gen ?? null, hubGen ?? null, hubDevices ?? null, why];
  return trimmed(
    fields,
    fields.map(() => null),
  );
}

function readLaterFields(
  fields: Fields,
): Pick<Hello, 'gen' | 'hubGen' | 'hubDevices' | 'fallback'> {
  const gen = fields.optionalCount();
  const hubGen = fields.optionalCount();
  const hubDevices = fields.isAbsent() ? undefined : fields.hex64();
  const fallback = fields.optionalText();
  return {
    ...(gen === undefined ? {} : { gen }),
    ...(hubGen === undefined ? {} : { hubGen }),
    ...(hubDevices === undefined ? {} : { hubDevices }),
    ...(fallback === undefined ? {} : { fallback }),
  };
}

export const welcome: MessageCodec<Welcome> = {
  code: 2,
  write: (m) => [
    m.epoch,
    null,
    m.lineage,
    m.gen,
    Number(m.fork),
    Number(m.resync),
    m.known.state,
    m.known.samples,
    m.hubLineage,
    m.hubGen,
    m.hubBoot,
    Number(m.adopt),
    m.protocol,
    m.features,
    m.messageBytes,
    m.monotonicMs,
    ...trimmed(
      [m.earlierHubBoots ?? null, m.wallMs ?? null, m.priorGen ?? null],
      [null, null, null],
    ),
  ],
  read: (fields) => ({
    kind: 'welcome',
    epoch: epochOnly(fields),
    lineage: fields.hex64(),
    gen: fields.count(),
    fork: fields.flag(),
    resync: fields.flag(),
    known: { state: fields.count(), samples: fields.count() },
    hubLineage: fields.hex64(),
    hubGen: fields.count(),
    hubBoot: fields.hex64(),
    adopt: fields.flag(),
    protocol: fields.count(),
    features: readLabels(fields),
    messageBytes: fields.count(),
    monotonicMs: fields.finite(),
    ...earlierHubBoots(fields),
    ...wallMs(fields),
    ...priorGen(fields),
  }),
};

/** Absent from a hub that had none. */
function earlierHubBoots(fields: Fields): Pick<Welcome, 'earlierHubBoots'> {
  const boots = fields.optionalTexts(FORKS_MAX, (items) => items.hex64());
  return boots === undefined ? {} : { earlierHubBoots: boots };
}

/** Absent from a hub that does not tell the time. */
function wallMs(fields: Fields): Pick<Welcome, 'wallMs'> {
  const time = fields.optionalCount();
  return time === undefined ? {} : { wallMs: time };
}

/** Absent without a fork, and from an older hub. */
function priorGen(fields: Fields): Pick<Welcome, 'priorGen'> {
  const gen = fields.optionalCount();
  return gen === undefined ? {} : { priorGen: gen };
}

export const ready: MessageCodec<Ready> = {
  code: 3,
  write: (m) => [m.epoch],
  read: (fields) => ({ kind: 'ready', epoch: epochOnly(fields) }),
};

export const confirm: MessageCodec<Confirm> = {
  code: 4,
  write: (m) => [m.epoch],
  read: (fields) => ({ kind: 'confirm', epoch: epochOnly(fields) }),
};

export const bye: MessageCodec<Bye> = {
  code: 13,
  write: (m) => [NO_EPOCH, null, m.reason, clip(m.detail)],
  read: (fields) => {
    fields.skip(2);
    return { kind: 'bye', reason: byeReason(fields.text()), detail: fields.text() };
  },
};

export const unsupported: MessageCodec<Unsupported> = {
  code: 14,
  write: (m) => [m.epoch, null, m.id],
  read: (fields) => ({ kind: 'unsupported', epoch: epochOnly(fields), id: fields.count() }),
};

/** The epoch of a message without an id of its own. */
export function epochOnly(fields: Fields): number {
  const epoch = fields.count();
  fields.skip();
  return epoch;
}

const BYE_REASONS = {
  superseded: true,
  clone: true,
  unsupported: true,
  'shutting-down': true,
  diverged: true,
  refused: true,
} as const satisfies Record<ByeReason, true>;

/** A reason that this version does not know is a refusal for it. */
function byeReason(text: string): ByeReason {
  return Object.hasOwn(BYE_REASONS, text) ? (text as ByeReason) : 'refused';
}

function history({ value, forks }: CounterHistory): readonly unknown[] {
  return [value, forks.map(({ boot, before }) => [boot, before])];
}

function readHistory(fields: Fields): CounterHistory {
  return {
    value: fields.count(),
    forks: fields.list(FORKS_MAX, (fork) => ({ boot: fork.hex64(), before: fork.count() }), 'fork'),
  };
}

function readLabels(fields: Fields): string[] {
  return fields.texts(LIMITS.featuresListed, (labels) => labels.text(LIMITS.nameChars));
}
