/**
 * The memory of a program that has just been loaded: its segments, its interpreter's, heap and stack.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { newFile, openOn } from "../fs/file.ts";
import { S_IFREG } from "../fs/modes.ts";
import type { Kernel } from "../kernel.ts";
import type { Task } from "../process/task.ts";
import { MM, VM_ACCOUNT, VM_EXEC, VM_GROWSDOWN, VM_MAY, VM_READ, VM_WRITE } from "./fields.ts";
import { mmAt, PAGE } from "./mm_struct.ts";

/** A part of a program: its pages and how they are mapped. */
export interface Segment {
  readonly pages: number;
  readonly flags: number;
}

/** Segments of a position-independent program as linkers lay them out: headers, text, constants, data. */
export const SEGMENTS: readonly Segment[] = [
  { pages: 2, flags: VM_READ | VM_MAY },
  { pages: 8, flags: VM_READ | VM_EXEC | VM_MAY },
  { pages: 4, flags: VM_READ | VM_MAY },
  { pages: 2, flags: VM_READ | VM_WRITE | VM_MAY | VM_ACCOUNT },
];
const STACK_PAGES = 33;
/** Bytes of a program whose size nobody knows. */
const PROGRAM_SIZE = 65536;
/** Where programs are loaded. */
export const PROGRAM_BASE = { x86_64: 0x555555554000, arm64: 0xaaaaaaaa0000, i386: 0x56555000 } as const;

/** The interpreter of dynamically linked programs. */
export const INTERPRETER = {
  x86_64: "/lib64/ld-linux-x86-64.so.2",
  arm64: "/lib/ld-linux-aarch64.so.1",
  i386: "/lib/ld-linux.so.2",
} as const;

/** Gives a program that is started afresh the memory that its execve, which nobody saw, left it. */
export function loadStarted(k: Kernel, task: Task): void {
  const open = (path: string): Addr => {
    const dentry = k.vfs.makePath(path, { mode: S_IFREG | 0o755, size: PROGRAM_SIZE });
    const file = newFile(k, 0);
    openOn(k, file, dentry, k.vfs.mnt);
    return file.address;
  };
  const program = open(`/usr/bin/${task.comm.replaceAll("/", "_") || "program"}`);
  const interpreter = open(INTERPRETER[k.image.arch]);
  layOut(k, task, program, interpreter);
  MM.exeFile.set(k, task.mm, program);
  k.vfs.putFile(interpreter);
}

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
  const base = PROGRAM_BASE[k.image.arch];
  const end = load(base, program);
  MM.startCode.set(k, mm.address, base);
  MM.endCode.set(k, mm.address, end);
  MM.startBrk.set(k, mm.address, end);
  MM.brk.set(k, mm.address, end);
  const size = SEGMENTS.reduce((sum, segment) => sum + segment.pages, 0) * PAGE;
  load(space.findFree(size, MM.mmapBase.get(k, mm.address)), interpreter);
  mapStack(k, task);
}

/** Maps the stack of a program. */
export function mapStack(k: Kernel, task: Task): void {
  const mm = mmAt(k, task.mm);
  if (mm === undefined || task.userSpace === null) return;
  const end = k.arch.layout.userEnd - PAGE;
  const start = end - STACK_PAGES * PAGE;
  const flags = VM_READ | VM_WRITE | VM_MAY | VM_GROWSDOWN | VM_ACCOUNT;
  mm.insert({ start, end, flags, file: 0, pgoff: 0 });
  task.userSpace.map(start, end - start, flags & 7);
  MM.startStack.set(k, mm.address, end - PAGE);
}
