import { answerFrom, addressAsked } from '../serial/mbus-place.js';
import type { Exchange } from '../templates/exchange.js';

/** What a meter of M-Bus was heard to say, as the meter of the address that is asked says it. */
export function asAsked(exchange: Exchange, request: Uint8Array | undefined): Exchange {
  const address = addressAsked(request);
  if (request === undefined || address === undefined) return exchange;
  const frames = exchange.frames.map(({ reply }) => ({
    request,
    reply: answerFrom(reply, address),
  }));
  return { ...exchange, frames };
}
