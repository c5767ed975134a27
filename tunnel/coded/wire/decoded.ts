/**
 * What decoding outside bytes gives: a value or the reason why not, never a throw. Byte strings
 * in a value are views of the input, valid as long as its buffer is.
 */
export type Decoded<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

/**
 * `short`: bytes are missing. `long`: more bytes, frames or runs than a limit allows. `reserved`:
 * a bit that must be zero is not. `version`: not one that is spoken here. `unknown`: no frame or
 * content of this type. `range`: a number that its field does not allow.
 */
export type Refusal = 'short' | 'long' | 'reserved' | 'version' | 'unknown' | 'range';

export function decoded<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

export function refused(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}
