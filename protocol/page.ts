/** Items on one page of a list that a REST interface serves: without a wish, and at most. */
export const PAGE_DEFAULT = 100;
export const PAGE_MAX = 500;

/** One page of a list that is sorted by `key` (by code units), and where the next begins. */
export function page<Item>(
  all: readonly Item[],
  key: (item: Item) => string,
  query: { readonly limit?: string; readonly after?: string },
): { readonly items: readonly Item[]; readonly next?: string } {
  const limit = Math.min(Number(query.limit ?? PAGE_DEFAULT), PAGE_MAX);
  const { after } = query;
  const from = after === undefined ? 0 : all.findIndex((item) => key(item) > after);
  const items = from < 0 ? [] : all.slice(from, from + limit);
  const last = items.at(-1);
  const more = last !== undefined && from + limit < all.length;
  return { items, ...(more ? { next: key(last) } : {}) };
}
