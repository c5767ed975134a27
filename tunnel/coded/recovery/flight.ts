import type { SourceSymbol } from '../codec/symbol.js';
import type { OperatingPoint } from './constants.js';

/** A symbol that is offered and not known to have arrived. */
export interface Flight extends SourceSymbol {
  readonly point: OperatingPoint;
  /** Its packets ask for their acknowledgement at once: no copies cover for it. */
  readonly asksAck: boolean;
  /** It had copies: silence is rather the loss of an acknowledgement, as long as others come. */
  patient: boolean;
  /** Planned copies of this round that are not sent yet. */
  copiesLeft: number;
  /** 0: the first flight; then retransmissions. */
  round: number;
  /** Undefined before the first transmission. */
  last: { readonly packet: number; readonly at: number } | undefined;
  /** Bytes of it that left in pieces, where it is too long for one packet. */
  cutAt: number;
  /** When the next copy, or the next round, is due. */
  dueAt: number;
}
