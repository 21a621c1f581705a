/**
 * `trace_clock`: what stamps the records of a trace array.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { TraceFile } from "./file.ts";

/** Nanoseconds of a tick of user space's clock, in which `uptime` counts. */
const USER_TICK = 10_000_000;
/** Longest name that a write is searched for. */
const NAME_ROOM = 64;

/** The kernel's clocks in its order, with whether they count nanoseconds. Virtual time is that of all of those. */
const CLOCKS: readonly (readonly [name: string, inNs: boolean])[] = [
  ["local", true],
  ["global", true],
  ["counter", false],
  ["uptime", false],
  ["perf", true],
  ["mono", true],
  ["mono_raw", true],
  ["boot", true],
  ["tai", true],
];
/** What x86 has besides: a cycle is taken for a nanosecond. */
const X86_TSC = ["x86-tsc", false] as const;

/** The clock of one trace array. */
export class TraceClock {
  readonly #clocks: typeof CLOCKS;
  readonly #now: { readonly now: number };
  #chosen = "local";
  #count = 0;

  constructor(arch: Arch, clock: { readonly now: number }) {
    this.#clocks = arch === "arm64" ? CLOCKS : [...CLOCKS, X86_TSC];
    this.#now = clock;
  }

  /** Whether time stamps are nanoseconds. */
  get inNs(): boolean {
    return this.#clocks.find(([name]) => name === this.#chosen)?.[1] ?? true;
  }

  /** The time stamp of what is recorded now. `counter` goes on with each. */
  stamp(): number {
    if (this.#chosen === "counter") this.#count++;
    return this.now;
  }

  /** What the clock shows. */
  get now(): number {
    if (this.#chosen === "counter") return this.#count;
    const { now } = this.#now;
    return this.#chosen === "uptime" ? Math.floor(now / USER_TICK) : now;
  }

  /** The file; `reset` forgets the records, which have other stamps. */
  file(reset: () => void): TraceFile {
    return {
      mode: 0o640,
      read: () => `${this.#clocks.map(([name]) => name === this.#chosen ? `[${name}]` : name).join(" ")}\n`,
      write: (text) => {
        const word = text.trim();
        if (text.length >= NAME_ROOM || !this.#clocks.some(([name]) => name === word)) return -EINVAL;
        this.#chosen = word;
        reset();
        return text.length;
      },
    };
  }
}
