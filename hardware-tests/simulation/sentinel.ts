import { EdgeError } from '#protocol/errors.js';
import type { Log, LogFields } from '#protocol/log.js';

/** Events that only a defect logs. */
const DEFECTS: ReadonlySet<string> = new Set([
  'invariant-broken',
  'listener-threw',
  'watcher failed',
]);

/**
 * A log that tells of defects: a run-time invariant that throws may be caught by whoever called,
 * as it should be in production.
 */
export class Sentinel implements Log {
  readonly #inner: Log;
  readonly #found: (error: EdgeError) => void;

  constructor(inner: Log, found: (error: EdgeError) => void) {
    this.#inner = inner;
    this.#found = found;
  }

  debug(event: string, fields?: LogFields): void {
    this.#inner.debug(event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#inner.info(event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#inner.warn(event, fields);
    this.#judge(event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#inner.error(event, fields);
    this.#judge(event, fields);
  }

  child(component: string, fields?: LogFields): Log {
    return new Sentinel(this.#inner.child(component, fields), this.#found);
  }

  #judge(event: string, fields: LogFields = {}): void {
    const { error } = fields;
    const isDefect = error instanceof Error && EdgeError.from(error).code === 'EDGE_INTERNAL';
    if (!isDefect && !DEFECTS.has(event)) return;
    const text = `${event} ${JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.message : value))}`;
    this.#found(new EdgeError('EDGE_INTERNAL', text, { cause: error }));
  }
}
