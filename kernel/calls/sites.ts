/**
 * Where a call returns to: the return addresses that stand on the stack for one caller and callee.
 *
 * @module
 */

import { storeAt } from "../shapes/dense.ts";
import type { Addr, CallSite, KernelImage } from "../../image/model.ts";
import type { ShapeLibrary } from "../shapes/library.ts";
import type { Frame } from "./frame.ts";
import type { KernelFunction } from "./kernel_function.ts";

/** One way from a caller to a callee. */
export interface Way {
  /** True for a tail jump, which leaves no return address of the caller. */
  readonly tail: boolean;
  /** Return addresses that the call pushes, innermost first; empty for a tail jump. */
  readonly returns: readonly Addr[];
  /** Offset of the call instruction in the caller, or -1. */
  readonly offset: number;
  /** Ways through the further calls of the same callee that the caller's text has, in its order; mostly none. */
  readonly later: readonly Way[];
}

const NONE: readonly Way[] = [];

/** The caller's text has no call that could lead to the callee: the compiler put the callee's text into it. */
export const INLINED: Way = { tail: true, returns: [], offset: -1, later: NONE };
/** Functions that can't be traced, so that no text of theirs is known, and what they call: by the kernel's source. */
const HIDDEN: ReadonlyMap<string, readonly string[]> = new Map(Object.entries<readonly string[]>({
  __irq_exit_rcu: ["handle_softirqs", "do_softirq_own_stack"],
  __run_timers: ["call_timer_fn"],
  "__alloc_pages_slowpath.constprop.0": [
    "out_of_memory",
    "try_to_free_pages",
    "wakeup_kswapd",
    "get_page_from_freelist",
  ],
}));
/** In place of a recorded site: a probe's handler sent the caller to the callee, as a jump would. */
export const DIVERTED = -2;
/** In place of a recorded site: the second call of the callee in the caller's text; less, the ones after it. */
const SECOND = -3;
const JUMP: Way = { tail: true, returns: [], offset: -1, later: NONE };
const NOWHERE: Way = { tail: true, returns: [], offset: -1, later: NONE };

/** Resolves call sites of one kernel, once per caller and callee, or per recorded site. */
export class SiteTable {
  readonly #image: KernelImage;
  readonly #library: ShapeLibrary;
  readonly #recorded: (Way | undefined)[] = [];
  readonly #within = new Map<KernelFunction, Map<number, Way | null>>();

  constructor(image: KernelImage, library: ShapeLibrary) {
    this.#image = image;
    this.#library = library;
  }

  /** The way of a call: by the recorded site (`site` ≥ 0), else by the caller's text, unless it is `DIVERTED`. */
  way(caller: KernelFunction, callee: KernelFunction, site: number): Way {
    if (site === DIVERTED) return JUMP;
    if (site < 0) {
      const first = this.#ofText(caller, callee);
      return site <= SECOND ? first.later[SECOND - site] ?? first : first;
    }
    const { returns } = this.#library.site(site);
    const outermost = returns[returns.length - 1];
    const inside = outermost === undefined || outermost.fn === caller.name ? null : this.within(caller, site);
    return inside ?? this.#ofRecording(caller, site);
  }

  /**
   * In place of a recorded site, where none is known: a caller's calls of one callee go through the sites of its text in
   * their order; those of a loop begin again at the first, as recorded ones do.
   */
  next(caller: Frame, callee: KernelFunction): number {
    const count = this.#ofText(caller.fn, callee).later.length;
    if (count === 0) return -1;
    const turn = caller.repeat(callee.id) % (count + 1);
    return turn === 0 ? -1 : SECOND + 1 - turn;
  }

  #ofRecording(caller: KernelFunction, id: number): Way {
    let way = this.#recorded[id];
    if (way === undefined) {
      const site = this.#library.site(id);
      const returns: Addr[] = [];
      for (const { fn, offset } of site.returns) {
        const start = fn === caller.name ? caller.address : this.#image.symbol(fn)?.address;
        if (start !== undefined) returns.push(start + offset);
      }
      const last = site.returns[site.returns.length - 1];
      const offset = last === undefined || last.fn !== caller.name
        ? -1
        : caller.callSites().find((s) => s.returnOffset === last.offset)?.offset ?? -1;
      way = { tail: site.tail, returns, offset, later: NONE };
      storeAt(this.#recorded, id, way);
    }
    return way;
  }

  /** The way of a recorded call as far as `caller`, which stands between the function recorded as caller and the callee. */
  within(caller: KernelFunction, id: number): Way | null {
    let known = this.#within.get(caller);
    if (known === undefined) this.#within.set(caller, known = new Map());
    let way = known.get(id);
    if (way === undefined) {
      const { returns } = this.#library.site(id);
      const at = returns.findIndex(({ fn }) => fn === caller.name);
      way = at < 0 ? null : {
        tail: false,
        returns: this.#ofRecording(caller, id).returns.slice(0, at + 1),
        offset: -1,
        later: NONE,
      };
      known.set(id, way);
    }
    return way;
  }

  /**
   * Without a recording: the direct calls of the callee, else a tail jump to it, else a call through one function
   * in between, else the first indirect call.
   */
  #ofText(caller: KernelFunction, callee: KernelFunction): Way {
    if (caller.lastCallee === callee) return caller.lastWay as Way;
    let way = caller.ways.get(callee);
    if (way === undefined) {
      way = this.#search(caller, callee);
      caller.ways.set(callee, way);
    }
    caller.lastCallee = callee;
    caller.lastWay = way;
    return way;
  }

  /**
   * Whether recordings show what a callee does as the caller's own doing, and the callee nowhere: where no text leads to
   * it, it is part of the caller's.
   */
  #showsBody(caller: KernelFunction, callee: KernelFunction): boolean {
    if (callee.shape >= 0 || callee.behaviour === null) return false;
    const direct = new Set<number>();
    for (const id of this.#library.instances(caller.shape)) {
      for (const child of this.#library.node(id).children) direct.add(this.#library.fnOf(child));
    }
    return callee.behaviour.calls.some((ref) => direct.has(this.#library.functionId(ref.name)));
  }

  #search(caller: KernelFunction, callee: KernelFunction): Way {
    const sites = caller.callSites();
    const [direct, ...further] = sites.filter((s) => s.kind === "call" && s.target === callee.name);
    if (direct !== undefined) {
      return called(caller.address, direct, further.map((site) => called(caller.address, site)));
    }
    const jump = sites.find((s) => s.kind === "jump" && s.target === callee.name);
    if (jump !== undefined) return { tail: true, returns: [], offset: jump.offset, later: NONE };
    for (const outer of sites) {
      if (outer.kind === "indirect") continue;
      const between = this.#image.func(outer.target);
      const inner = between?.callSites().find((s) => s.kind === "call" && s.target === callee.name);
      if (between === undefined || inner === undefined) continue;
      const returns = [between.address + inner.returnOffset];
      if (outer.kind === "call") returns.push(caller.address + outer.returnOffset);
      return { tail: false, returns, offset: outer.offset, later: NONE };
    }
    const hidden = this.#through(
      caller,
      sites,
      ({ target }) => HIDDEN.get(target)?.includes(callee.base) === true,
    );
    if (hidden !== undefined) return hidden;
    if (sites.length > 0 && this.#showsBody(caller, callee)) return INLINED;
    if (names(caller, callee)) {
      const body = this.#through(caller, sites, ({ target }) => this.#isHiddenBody(target));
      if (body !== undefined) return body;
    }
    const indirect = sites.find(isIndirect);
    if (indirect !== undefined) return called(caller.address, indirect);
    // A function that the behaviour names is inlined; one that it got as a pointer is called where the text does not show it.
    if (sites.length > 0 && names(caller, callee)) return INLINED;
    // A caller without text facts still gets a frame: the address after its first instruction.
    return caller.visible ? { tail: false, returns: [caller.address + 1], offset: -1, later: NONE } : NOWHERE;
  }

  /** The way through the first function called whose text is not known, and that is said to lead to the callee. */
  #through(
    caller: KernelFunction,
    sites: readonly CallSite[],
    leads: (site: CallSite) => boolean,
  ): Way | undefined {
    for (const outer of sites) {
      if (outer.kind === "indirect" || !leads(outer)) continue;
      const between = this.#image.symbol(outer.target);
      if (between === undefined) continue;
      const returns = [between.address + 1];
      if (outer.kind === "call") returns.push(caller.address + outer.returnOffset);
      return { tail: false, returns, offset: outer.offset, later: NONE };
    }
    return undefined;
  }

  /** `SYSCALL_DEFINE` makes a body that can't be traced where it isn't inlined: what the call does, is done there. */
  #isHiddenBody(target: string): boolean {
    return target.startsWith("__do_sys_") && this.#image.func(target) === undefined;
  }
}

/** Whether a function's behaviour lists another one as called by itself. */
function names(caller: KernelFunction, callee: KernelFunction): boolean {
  return caller.behaviour === null || caller.behaviour.calls.some(({ name }) => name === callee.base);
}

function called(address: Addr, site: CallSite, later: readonly Way[] = NONE): Way {
  return { tail: false, returns: [address + site.returnOffset], offset: site.offset, later };
}

/** Whether a call site calls through a pointer: directly, or through a retpoline. */
export function isIndirect(site: CallSite): boolean {
  // Through a fixed address: `pv_ops`, which lead to nothing that is modeled.
  return site.kind === "indirect" && !site.target.startsWith("0x") ||
    (site.kind === "call" && site.target.startsWith("__indirect_thunk")) ||
    (site.kind === "call" && site.target.startsWith("__x86_indirect_thunk"));
}
