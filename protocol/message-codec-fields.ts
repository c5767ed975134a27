import { EdgeError } from './errors.js';
import { LIMITS } from './limits.js';
import { isDeviceId, isPropertyName } from './name.js';
import type { Value, Version } from './twin.js';
import { peerValue } from './value-check-json.js';

const HEX_64 = /^[0-9a-f]{16}$/;

/**
 * Reads the positions of one array that a peer sent, one after the other. Each method checks
 * what it takes and throws EDGE_MALFORMED or EDGE_LIMIT. Positions after the last one read are
 * left alone: a newer peer may have more to say.
 */
export class Fields {
  readonly #what: string;
  readonly #items: readonly unknown[];
  #at = 0;

  constructor(what: string, items: unknown) {
    if (!Array.isArray(items)) throw malformed(what, 'is not an array');
    this.#what = what;
    this.#items = items;
  }

  skip(positions = 1): void {
    this.#at += positions;
  }

  /** Whole number from 0 to 2^53 - 1; `absent` when the array ended before. */
  count(absent?: number): number {
    const item = this.#next() ?? absent;
    if (!Number.isSafeInteger(item) || (item as number) < 0)
      throw this.#wrong('is not a whole number from 0 on');
    return (item as number) + 0;
  }

  optionalCount(): number | undefined {
    return this.isAbsent() ? undefined : this.count();
  }

  /** As `count`, but relative to `before`: consecutive rows have close numbers. */
  step(before: number): number {
    const sum = before + this.finite();
    if (!Number.isSafeInteger(sum) || sum < 0) throw this.#wrong('leaves the whole numbers');
    return sum;
  }

  finite(): number {
    const item = this.#next();
    if (typeof item !== 'number' || !Number.isFinite(item)) throw this.#wrong('is not a number');
    return item + 0;
  }

  optionalFinite(): number | undefined {
    return this.isAbsent() ? undefined : this.finite();
  }

  /** Flags are 0 and 1. */
  flag(): boolean {
    return this.choice([false, true]);
  }

  choice<T>(choices: readonly T[], absent?: number): T {
    const index = this.count(absent);
    const chosen = choices[index];
    if (chosen === undefined) throw this.#wrong(`has no choice ${index}`);
    return chosen;
  }

  text(charsMax: number = LIMITS.textChars): string {
    const item = this.#next();
    if (typeof item !== 'string') throw this.#wrong('is not a string');
    if (item.length > charsMax) throw this.#tooMany(`is longer than ${charsMax} characters`);
    return item;
  }

  optionalText(charsMax?: number): string | undefined {
    return this.isAbsent() ? undefined : this.text(charsMax);
  }

  /** 64 bits as 16 hexadecimal digits. */
  hex64(): string {
    const text = this.text();
    if (!HEX_64.test(text)) throw this.#wrong('is not 16 hexadecimal digits');
    return text;
  }

  /** As `hex64`, or the empty string. */
  hex64OrNone(): string {
    return this.#items[this.#at] === '' ? this.text() : this.hex64();
  }

  device(): string {
    const text = this.text(2 * LIMITS.nameChars + 1);
    if (!isDeviceId(text)) throw this.#wrong('is not a device id');
    return text;
  }

  property(): string {
    const text = this.text(LIMITS.nameChars);
    if (!isPropertyName(text)) throw this.#wrong('is not a property name');
    return text;
  }

  version(): Version {
    return { gen: this.count(), n: this.count() };
  }

  /** NO_VERSION when the array ended before. */
  trailingVersion(): Version {
    return { gen: this.count(0), n: this.count(0) };
  }

  optionalVersion(): Version | undefined {
    if (!this.isAbsent()) return this.version();
    this.skip();
    return undefined;
  }

  value(): Value {
    if (this.#at >= this.#items.length) throw this.#wrong('is missing');
    return peerValue(this.#next());
  }

  /** The next position as an array with fields of its own. */
  nested(what: string): Fields {
    return new Fields(what, this.#next());
  }

  /** True, and the position is passed, when it holds null. */
  isNull(): boolean {
    const isNull = this.#items[this.#at] === null;
    if (isNull) this.skip();
    return isNull;
  }

  list<T>(itemsMax: number, read: (item: Fields) => T, what = this.#what): T[] {
    return this.#list(itemsMax).map((item) => read(new Fields(what, item)));
  }

  texts(itemsMax: number, read: (fields: Fields) => string): string[] {
    const fields = new Fields(this.#what, this.#list(itemsMax));
    return Array.from(fields.#items, () => read(fields));
  }

  optionalTexts(itemsMax: number, read: (fields: Fields) => string): string[] | undefined {
    return this.isAbsent() ? undefined : this.texts(itemsMax, read);
  }

  /**
   * What a newer peer said behind the positions that were read, to be kept and given back as it is.
   * Undefined when there is nothing, or more than the limit: then it is left alone.
   */
  later(): readonly unknown[] | undefined {
    const later = this.#items.slice(this.#at);
    if (later.every((item) => item === null)) return undefined;
    return JSON.stringify(later).length > LIMITS.laterChars ? undefined : later;
  }

  #list(itemsMax: number): readonly unknown[] {
    const items = this.#next();
    if (!Array.isArray(items)) throw this.#wrong('is not an array');
    if (items.length > itemsMax) throw this.#tooMany(`has more than ${itemsMax} items`);
    return items;
  }

  #next(): unknown {
    return this.#items[this.#at++];
  }

  /** Absent or null: then the position is passed. */
  isAbsent(): boolean {
    const absent = (this.#items[this.#at] ?? null) === null;
    if (absent) this.skip();
    return absent;
  }

  #wrong(rule: string): EdgeError {
    return malformed(`${this.#what} position ${Math.max(0, this.#at - 1)}`, rule);
  }

  #tooMany(rule: string): EdgeError {
    return new EdgeError('EDGE_LIMIT', `${this.#what} position ${this.#at - 1} ${rule}`);
  }
}

/** Drops the trailing positions that hold the value a reader assumes for an absent one. */
export function trimmed(
  positions: readonly unknown[],
  defaults: readonly unknown[],
): readonly unknown[] {
  let keep = positions.length;
  const first = positions.length - defaults.length;
  while (keep > first && positions[keep - 1] === defaults[keep - 1 - first]) keep--;
  return positions.slice(0, keep);
}

/** Text for people may be cut; a peer would refuse the whole message instead. */
export function clip(text: string): string {
  return text.length > LIMITS.textChars ? text.slice(0, LIMITS.textChars) : text;
}

function malformed(what: string, rule: string): EdgeError {
  return new EdgeError('EDGE_MALFORMED', `sync message: ${what} ${rule}`);
}
