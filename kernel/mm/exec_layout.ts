/**
 * The memory of a program that has just been loaded: its segments, its interpreter's, heap and stack.
 *
 * @module
 */

import { programPages } from "./program_sizes.ts";
import type { Addr, Arch } from "../../image/model.ts";
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

/** What is loaded. */
export interface Layouts {
  /** A position-independent program. */
  readonly program: readonly Segment[];
  /** The same of a recording, which does not tell its size, where nothing else does: the mean of Debian's file and shell utilities. */
  readonly recorded: readonly Segment[];
  /** The interpreter, as Debian 12 has it. */
  readonly interpreter: readonly Segment[];
  /** A program that brings its C library with it. */
  readonly alone: readonly Segment[];
  /** The shell that a program is started from, which brings its C library too. */
  readonly shell: readonly Segment[];
}

const X86: Layouts = {
  program: segments(2, 8, 4, 2),
  recorded: segments(3, 15, 5, 2),
  interpreter: segments(1, 38, 10, 4),
  alone: segments(1, 144, 43, 7),
  shell: segments(1, 388, 86, 10),
};

/** Segments as linkers lay them out: headers, text, constants, data; on arm64 all but the data is one segment. */
export const LAYOUTS: Readonly<Record<Arch, Layouts>> = {
  x86_64: X86,
  i386: X86,
  arm64: {
    program: segments(0, 14, 0, 2),
    recorded: segments(0, 23, 0, 2),
    interpreter: segments(0, 39, 0, 4),
    alone: segments(0, 146, 0, 7),
    shell: segments(0, 435, 0, 10),
  },
};
const STACK_PAGES = 33;
/** Bytes of a program whose size nobody knows. */
const PROGRAM_SIZE = 65536;
/** Bytes of the interpreter. */
export const INTERPRETER_SIZE = 220_000;
/** Where programs are loaded. */
export const PROGRAM_BASE = { x86_64: 0x555555554000, arm64: 0xaaaaaaaa0000, i386: 0x56555000 } as const;

/** The interpreter of dynamically linked programs. */
export const INTERPRETER = {
  x86_64: "/lib64/ld-linux-x86-64.so.2",
  arm64: "/lib/ld-linux-aarch64.so.1",
  i386: "/lib/ld-linux.so.2",
} as const;

/**
 * Gives a program that is started afresh the memory that its execve, which nobody saw, left it; or that of a shell, which
 * is about to execute the program.
 */
export function loadStarted(k: Kernel, task: Task, shell: boolean): void {
  const open = (path: string, size: number): Addr => {
    const dentry = k.vfs.makePath(path, { mode: S_IFREG | 0o755, size });
    const file = newFile(k, 0);
    openOn(k, file, dentry, k.vfs.mnt);
    return file.address;
  };
  const program = open(`/usr/bin/${task.comm.replaceAll("/", "_") || "program"}`, PROGRAM_SIZE);
  const layouts = LAYOUTS[k.image.arch];
  if (shell) layOut(k, task, program, layouts.shell, 0);
  else {
    const interpreter = open(INTERPRETER[k.image.arch], INTERPRETER_SIZE);
    layOut(k, task, program, layouts.program, interpreter);
    k.vfs.putFile(interpreter);
  }
  MM.exeFile.set(k, task.mm, program);
}

/** The segments of a program that a recording starts: `alone` without an interpreter. */
export function recordedSegments(arch: Arch, path: string, alone: boolean): readonly Segment[] {
  const layouts = LAYOUTS[arch];
  if (alone) return layouts.alone;
  const known = programPages(path);
  if (known === undefined) return layouts.recorded;
  const [headers, text, constants, data] = known;
  return arch === "arm64"
    ? segments(0, headers + text + constants, 0, data)
    : segments(headers, text, constants, data);
}

function segments(headers: number, text: number, constants: number, data: number): readonly Segment[] {
  const all = [
    { pages: headers, flags: VM_READ | VM_MAY },
    { pages: text, flags: VM_READ | VM_EXEC | VM_MAY },
    { pages: constants, flags: VM_READ | VM_MAY },
    { pages: data, flags: VM_READ | VM_WRITE | VM_MAY | VM_ACCOUNT },
  ];
  return all.filter(({ pages }) => pages > 0);
}

/** Pages of a program in all. */
export function pagesOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + segment.pages, 0);
}

/** Maps a program and its interpreter (0: none) into the (empty) address space of a task. */
function layOut(
  k: Kernel,
  task: Task,
  program: Addr,
  parts: readonly Segment[],
  interpreter: Addr,
): void {
  const mm = mmAt(k, task.mm);
  const space = task.userSpace;
  if (mm === undefined || space === null) return;
  const map = (start: Addr, segment: Segment, file: Addr, pgoff: number): void => {
    mm.insert({ start, end: start + segment.pages * PAGE, flags: segment.flags, file, pgoff });
    space.map(start, segment.pages * PAGE, segment.flags & 7);
  };
  const load = (base: Addr, file: Addr, parts: readonly Segment[]): Addr => {
    let at = base;
    for (const segment of parts) {
      map(at, segment, file, (at - base) / PAGE);
      at += segment.pages * PAGE;
    }
    return at;
  };
  const base = PROGRAM_BASE[k.image.arch];
  const end = load(base, program, parts);
  MM.startCode.set(k, mm.address, base);
  MM.endCode.set(k, mm.address, end);
  MM.startBrk.set(k, mm.address, end);
  MM.brk.set(k, mm.address, end);
  if (interpreter !== 0) {
    const parts = LAYOUTS[k.image.arch].interpreter;
    load(space.findFree(pagesOf(parts) * PAGE, MM.mmapBase.get(k, mm.address)), interpreter, parts);
  }
  mapStack(k, task);
}

/** Maps the stack of a program, with room for `extra` bytes of arguments more than programs usually have. */
export function mapStack(k: Kernel, task: Task, extra = 0): void {
  const mm = mmAt(k, task.mm);
  if (mm === undefined || task.userSpace === null) return;
  const end = k.arch.layout.userEnd - PAGE;
  const start = end - (STACK_PAGES + Math.max(0, Math.ceil(extra / PAGE))) * PAGE;
  const flags = VM_READ | VM_WRITE | VM_MAY | VM_GROWSDOWN | VM_ACCOUNT;
  mm.insert({ start, end, flags, file: 0, pgoff: 0 });
  task.userSpace.map(start, end - start, flags & 7);
  MM.startStack.set(k, mm.address, end - PAGE);
}
