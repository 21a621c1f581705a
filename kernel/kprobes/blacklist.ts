/**
 * What must not be probed: the ranges of the kernel's build, or the names that older releases listed.
 *
 * @module
 */

import type { Addr, BlacklistRange } from "../../image/model.ts";
import { forbidding } from "../../image/unprobeable.ts";
import type { ProbeHost } from "./host.ts";

/** The kprobe blacklist of one kernel: `kprobe_blacklist`, and what loaded modules add to it. */
export class ProbeBlacklist {
  readonly #host: ProbeHost;
  /** Ranges of modules, newest first: each module's are added when it comes and dropped when it goes. */
  readonly #modules = new Map<string, readonly BlacklistRange[]>();
  #static: readonly BlacklistRange[] | undefined;

  constructor(host: ProbeHost) {
    this.#host = host;
  }

  /** All ranges, as debugfs `kprobes/blacklist` lists them: those of the kernel by address, then the modules'. */
  ranges(): readonly BlacklistRange[] {
    const own = this.#names() ?? this.#host.image.blacklist();
    return [...own, ...[...this.#modules.values()].flat()];
  }

  /** The range that forbids an address: it holds it, or the function without its compiler suffix. */
  at(address: Addr): BlacklistRange | undefined {
    // The names of older releases are of functions without suffix, and forbid nothing else.
    if (this.#names() !== null) return this.#within(address);
    return forbidding(this.#host.image, address, (at) => this.#within(at));
  }

  /** A module comes: its ranges count from now on. */
  addModule(name: string, ranges: readonly BlacklistRange[]): void {
    if (ranges.length > 0) this.#modules.set(name, ranges);
  }

  /** A module goes. */
  removeModule(name: string): void {
    this.#modules.delete(name);
  }

  #within(address: Addr): BlacklistRange | undefined {
    const names = this.#names();
    const own = names === null
      ? this.#host.image.blacklistedAt(address)
      : names.find((range) => holds(range, address));
    if (own !== undefined) return own;
    for (const ranges of this.#modules.values()) {
      const range = ranges.find((r) => holds(r, address));
      if (range !== undefined) return range;
    }
    return undefined;
  }

  /** What `init_kprobes` of an old release found for its static array, and its `.kprobes.text`; null with ranges. */
  #names(): readonly BlacklistRange[] | null {
    const { blacklist } = this.#host.release;
    if (blacklist === "ranges") return null;
    return this.#static ??= [...this.#sections(), ...this.#symbols(blacklist.names)];
  }

  #sections(): readonly BlacklistRange[] {
    const start = this.#host.image.symbol("__kprobes_text_start")?.address;
    const end = this.#host.image.symbol("__kprobes_text_end")?.address;
    return start === undefined || end === undefined || end <= start
      ? []
      : [{ start, end, name: ".kprobes.text" }];
  }

  #symbols(names: readonly string[]): readonly BlacklistRange[] {
    return names.flatMap((name) => {
      const symbol = this.#host.image.symbol(name);
      return symbol === undefined ? [] : [{ start: symbol.address, end: symbol.address + symbol.size, name }];
    });
  }
}

function holds(range: BlacklistRange, address: Addr): boolean {
  return address >= range.start && address < range.end;
}
