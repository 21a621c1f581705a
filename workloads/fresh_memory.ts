/**
 * What a program does with memory that it just got: the first touches, each a page fault. Recordings of system calls don't
 * show them, so how many there are is made up, after the recorded faults of `cat` and others: of a program's code and
 * constants, every block of 16 pages; of a library's code two of three, of its constants every other; of data, every page; of other memory, a first page or two, and the
 * rest as far as the program had the time.
 *
 * @module
 */

import type { Addr } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { MM, VM_EXEC, VM_GROWSDOWN, VM_SHARED, VM_WRITE } from "../kernel/mm/fields.ts";
import { mmAt, PAGE, type Vma } from "../kernel/mm/mm_struct.ts";
import { accessUser } from "../kernel/mm/page_fault.ts";
import type { Task } from "../kernel/process/task.ts";
import { UserStack } from "./user/user_stack.ts";

interface Touch {
  readonly address: Addr;
  readonly kind: "read" | "write" | "fetch";
}

interface Range {
  /** Where it begins. */
  readonly first: Addr;
  /** First address that was not touched yet. */
  at: Addr;
  readonly end: Addr;
}

/** Pages that one fault in a file maps. */
const BLOCK = 16;
/** A program's segment up to this size is used in all its parts. */
const SMALL = 10 * BLOCK * PAGE;
/** Between so many pairs of calls it goes on in the same block of text. */
const RUNS_PER_BLOCK = 6;
/** One of so many blocks it runs at once. */
const FORK_ROUND = 3;
/** One of so many pages of its parent's heap a fork's child writes. */
const HEAP_PART = 4;
/** Time that a recorded program needs for a touch, where it has more of it than a few touches take. */
const COST = 20_000;
/** Time between two calls that says nothing: the recorder's own. */
const IDLE = 1_000_000;
/** Bytes of a mapping that a program fills as a whole, where it has the time. */
const FILLED = 64 * PAGE;
/** Part of the time between two calls that faults may take. */
const SHARE = 0.5;

const MAPPING = new Set(["mmap", "mmap2", "old_mmap", "brk", "execve", "execveat", "munmap"]);

/** Whether a system call may bring fresh memory, or take it away. */
export function isMapping(name: string): boolean {
  return MAPPING.has(name);
}

/** The memory of one task that it has not touched yet. */
export class FreshMemory {
  readonly #k: Kernel;
  readonly #task: Task;
  /** What is touched at the next opportunity. */
  #soon: Touch[] = [];
  /** Ranges that are touched if there is time, newest last. */
  #later: Range[] = [];
  /** Text that a fork's child has not come to yet. */
  #text: Touch[] = [];
  #runs = 0;
  /** Where the heap ends; 0 before it is first asked for. */
  #heapEnd = 0;
  /** Something was mapped since the program last ran. */
  #changed = false;

  /** The program's stack: its `main` begins when the C library is there. */
  readonly stack: UserStack;

  constructor(k: Kernel, task: Task) {
    this.#k = k;
    this.#task = task;
    this.stack = new UserStack(k, task);
  }

  /** Where a large buffer lies: in the newest anonymous mapping that holds it, behind the allocator's own words. */
  bufferFor(size: number): Addr | undefined {
    for (let i = this.#later.length - 1; i >= 0; i--) {
      const { first, end } = this.#later[i] as Range;
      if (end - first >= size + PAGE) return first + PAGE;
    }
    return undefined;
  }

  /** A system call returned: what it mapped is fresh. */
  returned(name: string, args: readonly number[], ret: number): void {
    const mm = mmAt(this.#k, this.#task.mm);
    if (mm === undefined || ret < 0 && ret >= -4095) return;
    if (name.startsWith("execve")) {
      this.stack.reset();
      this.#soon = [];
      this.#text = [];
      this.#later = [];
      this.#heapEnd = 0;
      for (const area of mm.areas) this.#mapped(area, area.start, area.end);
    } else if (name.startsWith("mmap") || name === "old_mmap") {
      this.#changed = true;
      const at = this.#k.image.pointerSize === 4 ? ret >>> 0 : ret;
      const area = mm.find(at);
      if (area !== undefined && area.start <= at) {
        this.#forget(at, at + (args[1] ?? 0));
        this.#mapped(area, at, Math.min(area.end, at + Math.ceil((args[1] ?? 0) / PAGE) * PAGE));
      }
    } else if (name === "brk") {
      const end = this.#k.image.pointerSize === 4 ? ret >>> 0 : ret;
      const area = mm.find(end - 1);
      if (area === undefined || area.start >= end || (args[0] ?? 0) === 0) return;
      this.#heapEnds(area.start, end);
    } else if (name === "munmap") {
      const start = args[0] ?? 0;
      this.#forget(start, start + (args[1] ?? 0));
    }
  }

  /** The heap that begins at `start` ends at `end` from now on. */
  #heapEnds(start: Addr, end: Addr): void {
    const before = pageEnd(Math.max(start, this.#heapEnd));
    const now = pageEnd(end);
    this.#heapEnd = end;
    if (now === before) return;
    const heap = this.#later.filter(({ first }) => first >= start && first < before);
    this.#later = this.#later.filter((range) => !heap.includes(range));
    for (const range of heap) {
      // More is asked for when all that the heap had is used; less, when its end isn't.
      if (now < before) this.#later.push({ ...range, end: Math.min(range.end, now) });
      else {for (; range.at < range.end; range.at += PAGE) {
          this.#soon.push({ address: range.at, kind: "write" });
        }}
    }
    if (now > before) this.#writable(before, now, 1);
  }

  /**
   * It is a fork's child: of files it has only the pages that were its parent's own, and goes on in their text. What it
   * writes it gets for itself: its stack and data, and part of its heap.
   */
  forked(): void {
    const mm = mmAt(this.#k, this.#task.mm);
    for (const area of mm?.areas ?? []) {
      const { flags, file, start, end } = area;
      if ((flags & (VM_WRITE | VM_SHARED)) === VM_WRITE) {
        const part = file !== 0 || (flags & VM_GROWSDOWN) !== 0 ? 1 : HEAP_PART;
        const own = [...mm?.space?.pagesIn(start, end) ?? []].filter((_, i) => i % part === 0);
        for (const key of own) this.#soon.push({ address: key * PAGE, kind: "write" });
      }
      if (file === 0 || (flags & (VM_EXEC | VM_SHARED)) !== VM_EXEC) continue;
      for (let at = start, block = 0; at < end; at += BLOCK * PAGE, block++) {
        (block % FORK_ROUND === 0 ? this.#soon : this.#text).push({ address: at, kind: "fetch" });
      }
    }
  }

  /** A fork's child comes to new text now and then. */
  #runsText(): void {
    if (this.#text.length > 0 && ++this.#runs % RUNS_PER_BLOCK === 0) {
      this.#soon.push(...this.#text.splice(-1));
    }
  }

  /** What was there is gone, or something else is. */
  #forget(start: Addr, end: Addr): void {
    this.#soon = this.#soon.filter(({ address }) => address < start || address >= end);
    this.#later = this.#later.filter(({ first }) => first < start || first >= end);
  }

  /** The program runs for `ns` nanoseconds (`Infinity`: as long as it wants), of which its touches take their part. */
  run(ns: number): void {
    this.#runsText();
    if (this.#soon.length > 0 || this.#later.length > 0 && ns !== Infinity) this.#touch(ns);
    if (this.#changed && !this.stack.started) {
      this.#changed = false;
      this.stack.start();
    }
  }

  #touch(ns: number): void {
    if (this.#soon.length === 0 && (ns < IDLE + COST || this.#later.length === 0)) return;
    const recorded = ns !== Infinity;
    const soon = this.#soon;
    this.#soon = [];
    const extra = recorded ? Math.max(0, Math.floor((ns - IDLE) / COST) - soon.length) : 0;
    const touches = extra > 0 ? [...soon, ...this.#takeLater(extra)] : soon;
    const budget = recorded ? Math.floor((ns * SHARE) / Math.max(1, touches.length)) : undefined;
    for (const { address, kind } of touches) {
      const usual = budget === undefined ? undefined : Math.min(budget, USUAL);
      accessUser(
        this.#k,
        this.#task,
        address,
        { write: kind === "write", instruction: kind === "fetch" },
        usual,
      );
    }
  }

  #takeLater(count: number): Touch[] {
    const touches: Touch[] = [];
    for (let i = this.#later.length - 1; i >= 0 && touches.length < count; i--) {
      const range = this.#later[i] as Range;
      // A loader maps small pieces for itself; what is filled from end to end was asked for by the program.
      if (range.end - range.first < FILLED) continue;
      for (; range.at < range.end && touches.length < count; range.at += PAGE) {
        touches.push({ address: range.at, kind: "write" });
      }
    }
    return touches;
  }

  #mapped(area: Vma, start: Addr, mappedEnd: Addr): void {
    const { flags } = area;
    // Nothing lies behind the end of a file, but what a loader maps over it.
    const size = area.file === 0 ? undefined : this.#k.vfs.files.get(area.file)?.inode?.size;
    const end = size === undefined
      ? mappedEnd
      : Math.min(mappedEnd, area.start + Math.max(0, Math.ceil(size / PAGE) - area.pgoff) * PAGE);
    if (start >= end) return;
    if ((flags & VM_GROWSDOWN) !== 0) {
      // The arguments are at its end; main and what it calls stand below.
      this.#soon.push({ address: end - 2 * PAGE, kind: "write" }, { address: end - 3 * PAGE, kind: "write" });
      return;
    }
    if (area.file === 0 || (flags & VM_SHARED) !== 0) {
      if ((flags & VM_WRITE) !== 0) this.#writable(start, end, end - start > 16 * PAGE ? 1 : 2);
      return;
    }
    if ((flags & VM_WRITE) !== 0) {
      // Relocations: one page is written at once, the others are read first, with those around them.
      const pages = (end - start) / PAGE;
      this.#soon.push({ address: start + Math.floor(pages / 2) * PAGE, kind: "write" });
      this.#soon.push({ address: start, kind: "read" });
      for (let i = 0; i < Math.min(pages, BLOCK); i++) {
        this.#soon.push({ address: start + i * PAGE, kind: "write" });
      }
      return;
    }
    const kind = (flags & VM_EXEC) !== 0 ? "fetch" : "read";
    const program = this.#isProgram(area);
    // Where a library's constants lie with its text, less of both is used.
    const round = program && area.end - area.start <= SMALL
      ? 1
      : kind === "fetch" && (program || area.pgoff > 0)
      ? 3
      : 2;
    for (let at = start, block = 0; at < end; at += BLOCK * PAGE, block++) {
      // The last of a round is left out; blocks end where addresses do.
      if (round === 1 || block % round < round - 1) {
        this.#soon.push({ address: block === 0 ? at : at - (at % (BLOCK * PAGE)), kind });
      }
    }
  }

  /** Whether an area is of the program itself. */
  #isProgram(area: Vma): boolean {
    const { vfs } = this.#k;
    const program = vfs.files.get(MM.exeFile.get(this.#k, this.#task.mm))?.inode;
    return program !== undefined && program !== null && vfs.files.get(area.file)?.inode === program;
  }

  #writable(start: Addr, end: Addr, now: number): void {
    for (let i = 0; i < now && start + i * PAGE < end; i++) {
      this.#soon.push({ address: start + i * PAGE, kind: "write" });
    }
    if (start + now * PAGE < end) this.#later.push({ first: start, at: start + now * PAGE, end });
  }
}

function pageEnd(address: Addr): Addr {
  return Math.ceil(address / PAGE) * PAGE;
}

/** Nanoseconds that a touch takes at most. */
const USUAL = 2000;
