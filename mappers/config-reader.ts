import { didYouMean } from '#protocol/did-you-mean.js';
import type { DeviceIssue } from '#protocol/mapper-port.js';

type Path = readonly (string | number)[];

/**
 * Reads one configData map of a device document key by key and collects what is wrong, with its
 * path, so that a person sees all faults at once. A getter answers undefined after a fault.
 */
export class ConfigReader {
  readonly issues: DeviceIssue[];
  readonly #data: Readonly<Record<string, unknown>>;
  readonly #path: Path;
  readonly #known: string[];
  readonly #ignored: number;
  readonly #issuesBefore: number;

  /** `ignored`: keys that documents may carry and that mean nothing here. */
  constructor(
    data: Readonly<Record<string, unknown>>,
    path: Path,
    ignored: readonly string[] = [],
    issues: DeviceIssue[] = [],
  ) {
    this.issues = issues;
    this.#data = data;
    this.#path = path;
    this.#known = [...ignored];
    this.#ignored = ignored.length;
    this.#issuesBefore = issues.length;
  }

  /** A whole number from `min` to `max`, also as text: KubeEdge's samples write a port as "502". */
  integer(
    key: string,
    min: number,
    max: number,
    absent?: number,
    hint?: (raw: unknown) => string | undefined,
  ): number | undefined {
    const raw = this.#raw(key);
    if (raw === undefined) return this.#absent(key, absent);
    const value = typeof raw === 'string' && /^-?\d{1,15}$/.test(raw.trim()) ? Number(raw) : raw;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
      return value;
    this.issue(key, `is ${show(raw)}, not a whole number from ${min} to ${max}`, hint?.(raw));
    return undefined;
  }

  number(key: string, absent: number): number | undefined {
    const raw = this.#raw(key);
    if (raw === undefined) return absent;
    const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    this.issue(key, `is ${show(raw)}, not a number`);
    return undefined;
  }

  /** `hint`: what to do when it is missing. */
  text(key: string, hint?: string): string | undefined {
    const raw = this.#raw(key);
    if (raw === undefined) return this.#absent<string>(key, undefined, hint);
    if (typeof raw === 'string' && raw.trim() !== '') return raw.trim();
    this.issue(key, `is ${show(raw)}, not a text`);
    return undefined;
  }

  /** A text that may be missing. */
  optionalText(key: string): string | undefined {
    return this.#raw(key) === undefined ? undefined : this.text(key);
  }

  flag(key: string): boolean | undefined {
    const raw = this.#raw(key);
    if (raw === undefined || typeof raw === 'boolean') return raw ?? false;
    if (raw === 'true' || raw === 'false') return raw === 'true';
    this.issue(key, `is ${show(raw)}, not true or false`);
    return undefined;
  }

  /** One of the words, in any letter case. `absent` is used when the key is missing. */
  choice<T extends string>(key: string, words: readonly T[], absent?: T): T | undefined {
    const raw = this.#raw(key);
    if (raw === undefined) return this.#absent(key, absent);
    const text = typeof raw === 'string' || typeof raw === 'number' ? String(raw).trim() : '';
    const word = words.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
    if (word !== undefined) return word;
    const meant = didYouMean(text, words);
    const hint = meant === undefined ? `Use one of ${words.join(', ')}.` : `Did you mean ${meant}?`;
    this.issue(key, `is ${show(raw)}, which is not known`, hint);
    return undefined;
  }

  /** Bytes as hexadecimal digits, blanks between them allowed; an even number of digits. */
  hex(key: string): Uint8Array | undefined {
    const raw = this.#raw(key);
    if (raw === undefined) return this.#absent<Uint8Array>(key, undefined);
    const digits = (typeof raw === 'number' ? String(raw) : raw) as unknown;
    const text = typeof digits === 'string' ? digits.replaceAll(/\s|^0x/gi, '') : '';
    if (/^(?:[0-9a-f]{2}){1,64}$/i.test(text))
      return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
    this.issue(key, `is ${show(raw)}, not hexadecimal bytes such as "42 4d"`);
    return undefined;
  }

  /** A list of numbers; one number is a list of one. Empty when missing. */
  numbers(key: string): readonly number[] | undefined {
    const raw = this.#raw(key) ?? [];
    const list: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
    const numbers = list.filter((item) => typeof item === 'number' && Number.isFinite(item));
    if (numbers.length === list.length && list.length <= 16) return numbers as number[];
    this.issue(key, 'is not a list of at most 16 numbers');
    return undefined;
  }

  /** A map inside this one; what is wrong in it is added to these issues. */
  section(key: string): ConfigReader | undefined {
    const raw = this.#raw(key);
    if (raw === undefined) return undefined;
    if (typeof raw === 'object' && !Array.isArray(raw))
      return new ConfigReader(
        raw as Record<string, unknown>,
        [...this.#path, key],
        [],
        this.issues,
      );
    this.issue(key, `is ${show(raw)}, not a map`);
    return undefined;
  }

  has(key: string): boolean {
    return this.#raw(key) !== undefined;
  }

  /**
   * Call it when all keys were read: a key that nobody asked for is a fault, because what it says
   * would be ignored. After another fault only one that is nearly a known one: keys that depend on
   * what was wrong may not have been read.
   */
  unknownKeys(): void {
    const isSound = this.issues.length === this.#issuesBefore;
    for (const key of Object.keys(this.#data)) {
      if (this.#known.includes(key)) continue;
      const meant = didYouMean(key, this.#known);
      if (meant !== undefined) this.issue(key, 'is not known', `Did you mean ${meant}?`);
      else if (isSound)
        this.issue(key, 'is not known here', `Take it away; what goes here: ${this.#names()}.`);
    }
  }

  #names(): string {
    return [...new Set(this.#known.slice(this.#ignored))].join(', ');
  }

  issue(key: string, message: string, hint?: string): void {
    const path = [...this.#path, key];
    this.issues.push({
      path,
      message: `${key} ${message}`,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** Of the map as a whole, when no key of it is to blame. */
  whole(message: string, hint: string): void {
    const path = this.#path;
    this.issues.push({ path, message: `${String(path.at(-1))} ${message}`, hint });
  }

  /** As it stands in the document, for what has a reader of its own; undefined when missing. */
  raw(key: string): unknown {
    return this.#raw(key);
  }

  #raw(key: string): unknown {
    this.#known.push(key);
    const value = Object.hasOwn(this.#data, key) ? this.#data[key] : undefined;
    return value ?? undefined;
  }

  #absent<T>(key: string, absent: T | undefined, hint?: string): T | undefined {
    if (absent === undefined) this.issue(key, 'is missing', hint);
    return absent;
  }
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'a list' : 'a map';
}
