/**
 * The memory of a program that has just been loaded: its segments, its interpreter's, heap and stack.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { MM, VM_ACCOUNT, VM_EXEC, VM_GROWSDOWN, VM_MAY, VM_READ, VM_WRITE } from "./fields.ts";
import { mmAt, PAGE } from "./mm_struct.ts";

interface Segment {
  readonly pages: number;
  readonly flags: number;
}

/** Segments of a position-independent program as linkers lay them out: headers, text, constants, data. */
const SEGMENTS: readonly Segment[] = [
  { pages: 2, flags: VM_READ | VM_MAY },
  { pages: 8, flags: VM_READ | VM_EXEC | VM_MAY },
  { pages: 4, flags: VM_READ | VM_MAY },
  { pages: 2, flags: VM_READ | VM_WRITE | VM_MAY | VM_ACCOUNT },
];
const STACK_PAGES = 33;
const PROGRAM = { x86_64: 0x555555554000, arm64: 0xaaaaaaaa0000, i386: 0x56555000 } as const;

/** Maps a program and its interpreter into the (empty) address space of a task. */
export function layOut(k: Kernel, task: Task, program: Addr, interpreter: Addr): void {
  const mm = mmAt(k, task.mm);
  const space = task.userSpace;
  if (mm === undefined || space === null) return;
  const map = (start: Addr, segment: Segment, file: Addr, pgoff: number): void => {
    mm.insert({ start, end: start + segment.pages * PAGE, flags: segment.flags, file, pgoff });
    space.map(start, segment.pages * PAGE, segment.flags & 7);
  };
  const load = (base: Addr, file: Addr): Addr => {
    let at = base;
    for (const segment of SEGMENTS) {
      map(at, segment, file, (at - base) / PAGE);
      at += segment.pages * PAGE;
    }
    return at;
  };
  const base = PROGRAM[k.image.arch];
  const end = load(base, program);
  MM.startCode.set(k, mm.address, base);
  MM.endCode.set(k, mm.address, end);
  MM.startBrk.set(k, mm.address, end);
  MM.brk.set(k, mm.address, end);
  const size = SEGMENTS.reduce((sum, segment) => sum + segment.pages, 0) * PAGE;
  load(space.findFree(size, MM.mmapBase.get(k, mm.address)), interpreter);
  const top = k.arch.layout.userEnd - PAGE;
  const stack = { pages: STACK_PAGES, flags: VM_READ | VM_WRITE | VM_MAY | VM_GROWSDOWN | VM_ACCOUNT };
  map(top - STACK_PAGES * PAGE, stack, 0, 0);
  MM.startStack.set(k, mm.address, top - PAGE);
}
