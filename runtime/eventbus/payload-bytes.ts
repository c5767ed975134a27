/** A payload as a Buffer, without a copy where it is bytes already. */
export function bytesOf(payload: string | Uint8Array): Buffer {
  if (Buffer.isBuffer(payload)) return payload;
  if (typeof payload === 'string') return Buffer.from(payload);
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
