import * as v from 'valibot';
import { PAGE_DEFAULT, PAGE_MAX } from '#protocol/page.js';

/** The query of every list. Numbers arrive as text. */
export const PageQuery = {
  limit: v.exactOptional(
    v.pipe(
      v.string(),
      v.regex(/^[1-9]\d{0,3}$/),
      v.description(`Items on a page: ${PAGE_DEFAULT}, at most ${PAGE_MAX}.`),
    ),
  ),
  after: v.exactOptional(
    v.pipe(v.string(), v.maxLength(512), v.description('Start after this name or id.')),
  ),
};
