import { withoutSecrets } from './secrets.js';

/** Structured logging as a port: an event name, never a sentence to parse, and its fields. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A log whose lines carry `component` and these fields as well. */
  child(component: string, fields?: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * One JSON object a line, through `write`. A library would be heavier than this file: the
 * gateway's memory budget counts every import.
 */
export function jsonLog(
  write: (line: string) => void,
  wallTime: () => number,
  level: LogLevel = 'info',
  bound: LogFields = {},
): Log {
  const at = (name: LogLevel) => (event: string, fields?: LogFields) => {
    if (RANK[name] < RANK[level]) return;
    const time = new Date(wallTime()).toISOString();
    const own = { time, level: name, event };
    write(`${JSON.stringify({ ...own, ...bound, ...fields, ...own }, plain)}\n`);
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (component, fields) =>
      jsonLog(write, wallTime, level, { ...bound, component, ...fields }),
  };
}

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

/**
 * Errors and bigints as JSON can carry them; JSON.stringify would drop or refuse them. What is secret
 * by its name or its form does not get out by mistake.
 */
function plain(key: string, value: unknown): unknown {
  if (typeof value === 'string') return withoutSecrets(key, value);
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, cause } = value;
  return {
    ...('code' in value ? { code: value.code } : { name }),
    message,
    ...('hint' in value && value.hint !== undefined ? { hint: value.hint } : {}),
    ...(cause instanceof Error ? { cause: cause.message } : {}),
  };
}
