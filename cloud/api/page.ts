import * as v from 'valibot';
import { API_LIMITS } from './limits.js';

/** The query of every list. Numbers arrive as text. */
export const PageQuery = {
  limit: v.exactOptional(
    v.pipe(
      v.string(),
      v.regex(/^[1-9]\d{0,3}$/),
      v.description(`Items on a page: ${API_LIMITS.pageDefault}, at most ${API_LIMITS.pageMax}.`),
    ),
  ),
  after: v.exactOptional(
    v.pipe(v.string(), v.maxLength(512), v.description('Start after this name or id.')),
  ),
};

/** One page of a list that is sorted by `key`, and where the next begins. */
export function page<Item>(
  all: readonly Item[],
  key: (item: Item) => string,
  query: { readonly limit?: string; readonly after?: string },
): { readonly items: readonly Item[]; readonly next?: string } {
  const limit = Math.min(Number(query.limit ?? API_LIMITS.pageDefault), API_LIMITS.pageMax);
  const { after } = query;
  const from = after === undefined ? 0 : all.findIndex((item) => key(item) > after);
  const items = from < 0 ? [] : all.slice(from, from + limit);
  const last = items.at(-1);
  const more = last !== undefined && from + limit < all.length;
  return { items, ...(more ? { next: key(last) } : {}) };
}
