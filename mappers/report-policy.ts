import type { Property } from '#protocol/device.js';
import type { Value } from '#protocol/twin.js';
import type { ConfigReader } from './config-reader.js';
import { readPoll } from './poll-keys.js';

/** How much a value must change to be reported before its reportCycle is over. */
export type Deadband = { readonly absolute: number } | { readonly percent: number };

const SPELLING = /^(\d{1,12}(?:\.\d{1,12})?)\s*(%?)$/;

/** `deadband: 0.5` or `deadband: 2%` of a visitor; 0 is any change. Undefined when there is none. */
export function deadbandOf({ visitor }: Property): Deadband | undefined {
  return parseDeadband(visitor?.configData['deadband']);
}

/** Reads the keys of a visitor that are the engine's, for every protocol. */
export function readReportKeys(reader: ConfigReader): void {
  readPoll(reader);
  const raw = reader.raw('deadband');
  if (raw === undefined || parseDeadband(raw) !== undefined) return;
  reader.issue(
    'deadband',
    'is no number and no percentage',
    'Use a number such as 0.5, or a share of the last reported value such as "2%".',
  );
}

/** Whether a new value must be told at once: it is further from the last one than the deadband. */
export function isBeyond(deadband: Deadband, last: Value, value: Value): boolean {
  const [before, now] = [numberOf(last), numberOf(value)];
  if (before === undefined || now === undefined)
    return JSON.stringify(last) !== JSON.stringify(value);
  const distance = Math.abs(now - before);
  const bound =
    'absolute' in deadband ? deadband.absolute : (Math.abs(before) * deadband.percent) / 100;
  return bound === 0 ? last !== value : distance > bound;
}

function parseDeadband(raw: unknown): Deadband | undefined {
  if (typeof raw !== 'number' && typeof raw !== 'string') return undefined;
  const [, number, percent] = SPELLING.exec(String(raw).trim()) ?? [];
  if (number === undefined) return undefined;
  return percent === '%' ? { percent: Number(number) } : { absolute: Number(number) };
}

function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  const isDecimalText = typeof value === 'string' && /^-?\d{1,40}$/.test(value);
  return isDecimalText ? Number(value) : undefined;
}
