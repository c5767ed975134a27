/** A packet that arrived, as an acknowledgement told it. Sizes in full packets. */
export interface ArrivedPacket {
  readonly number: number;
  readonly sentAt: number;
  readonly size: number;
  /** Sum of the sizes sent up to it. */
  readonly sentTotal: number;
  /** It had waited for the window or the pace when it left. */
  readonly limited: boolean;
  /** By the receiver's clock, when it told. */
  readonly receivedAt: number | undefined;
  /** Time in the queue. */
  readonly queueMs: number | undefined;
}

export interface LostPacket {
  readonly number: number;
  readonly size: number;
  /** What its nearest neighbour that arrived spent in the queue. */
  readonly queueMs: number | undefined;
}

/** What one acknowledgement said, for the law of the window. */
export interface Feedback {
  readonly now: number;
  /** In rising order. */
  readonly arrived: readonly ArrivedPacket[];
  readonly lost: readonly LostPacket[];
  readonly smoothedMs: number;
  readonly inFlight: number;
  /** Sum of the sizes that arrived, these included. */
  readonly deliveredTotal: number;
  /** Number of the next packet. */
  readonly nextNumber: number;
}
