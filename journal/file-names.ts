/** The files of a data folder; docs/journal.md tells which is kept until when. */
export const SPARE = 'journal-spare';
/** Files being made: of no value after a restart. */
export const NEW_SEGMENT = 'journal-new.tmp';
export const NEW_SNAPSHOT = 'snapshot-new.tmp';
export const NEW_SPARE = 'spare-new.tmp';
export const NEW_ASIDE = 'damaged-new.tmp';

const DIGITS = 10;

export function segmentName(number: number): string {
  return `journal-${String(number).padStart(DIGITS, '0')}`;
}

export function snapshotName(number: number): string {
  return `snapshot-${String(number).padStart(DIGITS, '0')}`;
}

/** The copy of a damaged file that is kept for people. */
export function setAsideName(name: string): string {
  return `damaged-${name}`;
}

export function isSetAside(name: string): boolean {
  return /^damaged-(journal|snapshot)-\d{10}$/.test(name);
}

/** Numbers of the segments among `names`, ascending. */
export function segmentNumbers(names: readonly string[]): number[] {
  return numbers(names, /^journal-(\d{10})$/);
}

/** Numbers of the snapshots among `names`, ascending. */
export function snapshotNumbers(names: readonly string[]): number[] {
  return numbers(names, /^snapshot-(\d{10})$/);
}

function numbers(names: readonly string[], pattern: RegExp): number[] {
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}
