import type { Frame } from '../wire/frame.js';

type Kinds = ReadonlySet<Frame['kind']>;

/** Frames that only try a path: a packet of them alone moves nobody (RFC 9000 section 9.1). */
export const PROBING: Kinds = new Set(['padding', 'pathChallenge', 'pathResponse', 'connectionId']);

/** Packets of these alone do not count for congestion control. */
export const ACKNOWLEDGING: Kinds = new Set(['ack', 'symbols', 'arrivals', 'close']);
