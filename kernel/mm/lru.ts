/**
 * Lists of pages by use, as far as files' pages tell of them: joining, being accessed, being activated.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { PG_ACTIVE, PG_LRU, PG_REFERENCED } from "./page_flags.ts";

/** A page joins the lists. */
export const FOLIO_ADD_LRU: FunctionRef = behaviour("folio_add_lru", [], (k, address = 0) => {
  k.pageCache.folios.get(address)?.set(PG_LRU);
  return Number.NaN;
});
const FOLIO_ACTIVATE: FunctionRef = behaviour("folio_activate", [], (k, address = 0) => {
  k.pageCache.folios.get(address)?.set(PG_ACTIVE);
  return Number.NaN;
});
const WORKINGSET_ACTIVATION = fn("workingset_activation");

/** A page was accessed: the second time it becomes active. */
export const FOLIO_MARK_ACCESSED: FunctionRef = behaviour(
  "folio_mark_accessed",
  [FOLIO_ACTIVATE, WORKINGSET_ACTIVATION],
  (k, address = 0) => {
    const folio = k.pageCache.folios.get(address);
    if (folio === undefined) return Number.NaN;
    if (!folio.test(PG_REFERENCED)) folio.set(PG_REFERENCED);
    else if (!folio.test(PG_ACTIVE)) {
      if (folio.test(PG_LRU)) k.call(FOLIO_ACTIVATE, address);
      folio.clear(PG_REFERENCED);
      k.call(WORKINGSET_ACTIVATION, address);
    }
    return Number.NaN;
  },
);
/** The same, given a page. */
export const MARK_PAGE_ACCESSED: FunctionRef = behaviour(
  "mark_page_accessed",
  [FOLIO_MARK_ACCESSED],
  (k, page = 0) => {
    k.call(FOLIO_MARK_ACCESSED, page);
    return Number.NaN;
  },
);
