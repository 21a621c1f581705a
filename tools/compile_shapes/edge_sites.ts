/**
 * Chooses the call site of each recorded call: by recorded return addresses where there are any, else by the caller's
 * text, in the order in which the calls were made.
 *
 * @module
 */

import type { CallSite, KernelImage } from "../../image/model.ts";
import type { ShapeSite } from "../../kernel/shapes/node.ts";
import type { ReturnPlace } from "./call_tree.ts";

/** What the static calls `might_resched` and `cond_resched` lead to. */
const RESCHED = /^__cond_resched/;
/** Calls that lead to nothing that recordings show. */
const NOISE =
  /^(?:__fentry__|_mcount|__x86_return_thunk|__stack_chk_fail|__warn_printk|_printk|__SCT__|__x86_|__indirect_)/;

/** A way from caller to callee, and the return offset in the caller by which calls are put in order (-1: none). */
export interface SiteChoice {
  readonly site: ShapeSite;
  readonly order: number;
}

/** Knows the ways between functions, from text and from recorded returns. */
export class EdgeSites {
  readonly #image: KernelImage;
  readonly #text = new Map<string, readonly CallSite[]>();
  readonly #ways = new Map<string, readonly SiteChoice[]>();
  readonly #recorded = new Map<string, Map<string, { readonly place: ReturnPlace; count: number }>>();
  readonly #shadowed = new Map<string, number>();

  constructor(image: KernelImage) {
    this.#image = image;
  }

  /** Notes where a call returned to; undefined: another return probe stood in between, as after a tail jump. */
  note(caller: string, callee: string, place: ReturnPlace | undefined): void {
    const edge = `${caller} ${callee}`;
    if (place === undefined) {
      this.#shadowed.set(edge, (this.#shadowed.get(edge) ?? 0) + 1);
      return;
    }
    let places = this.#recorded.get(edge);
    if (places === undefined) {
      places = new Map();
      this.#recorded.set(edge, places);
    }
    const key = placeKey(place);
    const seen = places.get(key);
    if (seen === undefined) places.set(key, { place, count: 1 });
    else seen.count++;
  }

  /** The way of a call that returned to `place`. */
  ofPlace(caller: string, callee: string, place: ReturnPlace): SiteChoice | undefined {
    return this.ways(caller, callee).find((way) => {
      const first = way.site.returns[0];
      return first !== undefined && first.fn === place.fn && first.offset === place.offset;
    });
  }

  /**
   * The site of a call after one with return offset `last` (-1: the first): the nearest one behind it, else (a loop)
   * the first. A tail jump only for the last call.
   */
  inOrder(caller: string, callee: string, last: number, isLast: boolean): SiteChoice | undefined {
    const ways = this.ways(caller, callee);
    const calls = ways.filter((way) => !way.site.tail);
    return calls.find((way) => way.order > last) ??
      (isLast ? ways.find((way) => way.site.tail) : undefined) ?? calls[0] ?? ways[0];
  }

  /** All ways from caller to callee, by their place in the caller. */
  ways(caller: string, callee: string): readonly SiteChoice[] {
    const edge = `${caller} ${callee}`;
    let ways = this.#ways.get(edge);
    if (ways === undefined) {
      ways = this.#find(caller, callee).sort((a, b) => a.order - b.order);
      this.#ways.set(edge, ways);
    }
    return ways;
  }

  #find(caller: string, callee: string): SiteChoice[] {
    const edge = `${caller} ${callee}`;
    const direct = this.#textWays(caller, callee);
    const recorded = [...(this.#recorded.get(edge)?.values() ?? [])];
    const ways = recorded.flatMap(({ place }) => this.#recordedWay(caller, callee, place));
    const tails = direct.filter((way) => way.site.tail);
    if (ways.length > 0) return (this.#shadowed.get(edge) ?? 0) > 0 ? [...ways, ...tails] : ways;
    if (direct.length > 0) return direct;
    const through = this.#sites(caller).flatMap((outer) => this.#throughText(caller, outer, callee));
    if (through.length > 0) return through;
    const sites = this.#sites(caller);
    const scheduling = RESCHED.test(callee)
      ? sites.filter((site) => /^__SCT__.*resched/.test(site.target))
      : [];
    const others = sites.filter((site) => isIndirect(site) || this.#isOpaque(site.target));
    return (scheduling.length > 0 ? scheduling : others).map((site) =>
      called(caller, site, site.kind === "jump")
    );
  }

  /** Whether a function's text is unknown: what recordings show below its caller may have come through it. */
  #isOpaque(target: string): boolean {
    return !NOISE.test(target) && this.#sites(target).length === 0 &&
      this.#image.symbol(target) !== undefined;
  }

  /** Direct calls and tail jumps. */
  #textWays(caller: string, callee: string): SiteChoice[] {
    return this.#sites(caller).filter((site) => site.kind !== "indirect" && site.target === callee)
      .map((site) => called(caller, site, site.kind === "jump"));
  }

  /** A recorded return address: in the caller, or in a function that the caller called and recordings don't show. */
  #recordedWay(caller: string, callee: string, place: ReturnPlace): SiteChoice[] {
    // Another function of that name was recorded than the one whose text is known.
    const text = this.#sites(place.fn);
    if (text.length > 0 && !text.some((site) => site.returnOffset === place.offset)) return [];
    if (place.fn === caller) return [{ site: { tail: false, returns: [place] }, order: place.offset }];
    const outer = this.#sites(caller).find((site) => site.target === place.fn);
    if (outer !== undefined) {
      const returns = outer.kind === "jump" ? [place] : [place, { fn: caller, offset: outer.returnOffset }];
      return [{ site: { tail: false, returns }, order: outer.returnOffset }];
    }
    // Through two functions, or through a pointer: the chain's middle stays unknown.
    const indirect = this.#sites(caller).find((site) => isIndirect(site) && site.kind !== "jump");
    const calls = this.#sites(place.fn).some((site) => site.returnOffset === place.offset);
    if (!calls || callee === place.fn) return [];
    const returns = indirect === undefined ? [place] : [place, { fn: caller, offset: indirect.returnOffset }];
    return [{ site: { tail: false, returns }, order: indirect?.returnOffset ?? -1 }];
  }

  #throughText(caller: string, outer: CallSite, callee: string): SiteChoice[] {
    if (outer.kind === "indirect" || outer.target === callee) return [];
    const inner = this.#sites(outer.target).find((site) =>
      site.kind !== "indirect" && site.target === callee
    );
    if (inner === undefined) return [];
    const returns: ReturnPlace[] = [];
    if (inner.kind === "call") returns.push({ fn: outer.target, offset: inner.returnOffset });
    if (outer.kind === "call") returns.push({ fn: caller, offset: outer.returnOffset });
    return [{ site: { tail: returns.length === 0, returns }, order: outer.returnOffset }];
  }

  #sites(fn: string): readonly CallSite[] {
    let sites = this.#text.get(fn);
    if (sites === undefined) {
      sites = this.#image.func(fn)?.callSites() ?? [];
      this.#text.set(fn, sites);
    }
    return sites;
  }
}

function called(caller: string, site: CallSite, tail: boolean): SiteChoice {
  const returns = tail ? [] : [{ fn: caller, offset: site.returnOffset }];
  return { site: { tail, returns }, order: site.returnOffset };
}

function isIndirect(site: CallSite): boolean {
  return site.kind === "indirect" ||
    /^__(?:x86_)?indirect_|^__SCT__(?!.*resched|tp_func|preempt_)/.test(site.target);
}

/** A place as text. */
export function placeKey(place: ReturnPlace): string {
  return `${place.fn}+${place.offset}`;
}
