import type { Clock } from '#protocol/clock.js';
import { EdgeError } from '#protocol/errors.js';
import type { Driver } from './driver.js';

/** A device that cannot be served says so with every reading, and the others go on. */
export function misconfigured(why: string, clock: Clock): Driver {
  return {
    read: async (properties) =>
      properties.map(({ name }) => ({
        property: name,
        value: null,
        quality: 'bad',
        reason: 'EDGE_CONFIG',
        detail: why,
        timestamp: clock.wallTime(),
      })),
    write: async () => {
      const { code, message } = new EdgeError('EDGE_CONFIG', why);
      return { ok: false, code, message, retry: false };
    },
    trouble: () => why,
  };
}

/** All that is wrong in one line. */
export function whyMisconfigured(
  issues: readonly { readonly message: string; readonly hint?: string }[],
): string {
  return issues.map(({ message, hint }) => `${message}. ${hint ?? ''}`.trim()).join('; ');
}
