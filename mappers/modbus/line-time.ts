import { replyLength, requestLength, type ModbusRequest } from './frame.js';

/** Serial Line V1.02 section 2.5.1.1: 3.5 characters of 11 bits; fixed above 19200 baud. */
const SILENCE_CHARS = 3.5;
const CHAR_BITS = 11;
const FAST_BAUD = 19_200;
const FAST_SILENCE_MS = 1.75;
/** Bytes around function code and data: unit and CRC. */
const RTU_OVERHEAD = 3;

export function charMs(baudRate: number): number {
  return (CHAR_BITS * 1000) / baudRate;
}

/** Milliseconds of silence between RTU frames. */
export function silenceMs(baudRate: number): number {
  return baudRate > FAST_BAUD ? FAST_SILENCE_MS : SILENCE_CHARS * charMs(baudRate);
}

/** Milliseconds that an RTU request and its normal reply take on the wire, without silences. */
export function rtuWireMs(
  request: ModbusRequest,
  baudRate: number,
): { readonly request: number; readonly reply: number } {
  return {
    request: (requestLength(request) + RTU_OVERHEAD) * charMs(baudRate),
    reply: (replyLength(request) + RTU_OVERHEAD) * charMs(baudRate),
  };
}
