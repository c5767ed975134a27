import { EdgeError } from '#protocol/errors.js';

export const NEW_TOKEN = 'Make a new token at the hub.';

/** For what came too often: EDGE_LIMIT with the seconds to wait. */
export function tooFast(): EdgeError {
  return new EdgeError('EDGE_LIMIT', 'Too many attempts.', {
    hint: 'Wait a minute, then try the same again.',
    details: { retryAfterS: 60 },
  });
}
