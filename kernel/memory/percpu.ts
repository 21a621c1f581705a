/**
 * Per-CPU variables: each CPU has a copy of the section at an offset of its own (`__per_cpu_offset`).
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { symbolAddress } from "../process/objects.ts";

const PAGE = 4096;

/** The per-CPU areas of one kernel. Where the image lists no per-CPU symbols, each variable gets memory of its own. */
export class PerCpu {
  readonly #k: Kernel;
  readonly #offsets: (Addr | undefined)[] = [];
  readonly #known = new Map<string, Addr[]>();

  constructor(k: Kernel) {
    this.#k = k;
  }

  /** Address of `cpu`'s copy of a variable of `size` bytes. */
  variable(name: string, size: number, cpu: number): Addr {
    let copies = this.#known.get(name);
    if (copies === undefined) this.#known.set(name, copies = []);
    return copies[cpu] ??= this.#find(name, size, cpu);
  }

  #find(name: string, size: number, cpu: number): Addr {
    const k = this.#k;
    if (k.image.symbol("__per_cpu_end") === undefined || k.image.symbol(name) === undefined) {
      return k.slab.kmalloc(size);
    }
    return this.#offset(cpu) + symbolAddress(k, name);
  }

  /** What has to be added to a per-CPU symbol to get `cpu`'s copy. */
  #offset(cpu: number): Addr {
    const k = this.#k;
    let offset = this.#offsets[cpu];
    if (offset === undefined) {
      const start = symbolAddress(k, "__per_cpu_start");
      const size = symbolAddress(k, "__per_cpu_end") - start;
      offset = k.slab.frames.alloc(Math.ceil(Math.log2(size / PAGE))) - start;
      this.#offsets[cpu] = offset;
      const table = symbolAddress(k, "__per_cpu_offset");
      if (table !== 0) k.memory.store(table + cpu * k.arch.wordSize, k.arch.wordSize, offset);
    }
    return offset;
  }
}
