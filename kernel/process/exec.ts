/**
 * Running a program: `fs/exec.c`, `fs/binfmt_elf.c`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { FILP_CLOSE, FPUT } from "../fs/fdtable.ts";
import { FILE } from "../fs/fields.ts";
import { clearFd, closesOnExec, fdFile, openFds } from "../fs/files_struct.ts";
import { AT_FDCWD, S_IFREG, withLargefile } from "../fs/modes.ts";
import { isErr, kernelName, nameText, PUTNAME } from "../fs/names.ts";
import { permitted } from "../fs/permission.ts";
import { buildOpenFlags, DO_FILP_OPEN } from "../fs/open.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import {
  INTERPRETER,
  INTERPRETER_SIZE,
  LAYOUTS,
  mapStack,
  pagesOf,
  recordedSegments,
} from "../mm/exec_layout.ts";
import { mmAt, newMm, PAGE } from "../mm/mm_struct.ts";
import { MM } from "../mm/fields.ts";
import { MMPUT } from "../mm/mmput.ts";
import { newUserSpace } from "../mm/user_space.ts";
import { EACCES, ENOEXEC } from "../syscalls/errno.ts";
import { tracepoint } from "../tracing/reference.ts";
import { kfree, kzalloc } from "./alloc.ts";
import { ELF_LOAD, ELF_MAP, loadSegments } from "./elf.ts";
import { isStaticProgram } from "./elf_header.ts";
import { endOtherThreads } from "./exit.ts";
import { bytesOf, copyStrings, type ExecStrings, storeStrings } from "./exec_strings.ts";
import { EXEC_MM_RELEASE } from "./mm_release.ts";
import { unshareSighand } from "../signal/action.ts";
import { FLUSH_SIGNAL_HANDLERS } from "../signal/action.ts";
import { TASK_SIGNAL } from "../signal/fields.ts";
import { field, sizeOfStruct } from "./objects.ts";
import { popLocals } from "./stack.ts";
import { TASK } from "./task.ts";

const BPRM = {
  filename: field("linux_binprm", "filename"),
  interp: field("linux_binprm", "interp"),
  file: field("linux_binprm", "file"),
  mm: field("linux_binprm", "mm"),
} as const;
/** Open flag: to be executed. */
const FMODE_EXEC = 0x20;
const EXIT_ITIMERS = fn("exit_itimers");
const PF_FORKNOEXEC = 0x40;

const PROCESS_EXEC = tracepoint("sched:sched_process_exec", "filename", "pid", "old_pid");
const RENAME = tracepoint("task:task_rename", "pid", "oldcomm", "newcomm", "oom_score_adj");

/** Sets a task's name. `exec`: because it runs another program. */
export const SET_TASK_COMM: FunctionRef = behaviour("__set_task_comm", [], (k, address = 0, buf = 0) => {
  const task = k.tasks.byAddress(address);
  if (task === undefined) return Number.NaN;
  const name = k.memory.readString(buf, 16);
  k.tracepoints.fire(RENAME, task.pid, task.comm, name.slice(0, 15), 0);
  task.comm = name;
  return Number.NaN;
});

/** Opens a program: a `struct file`, or -errno. */
export const DO_OPEN_EXECAT: FunctionRef = behaviour(
  "do_open_execat",
  [DO_FILP_OPEN, FPUT],
  (k, fd = 0, name = 0) => {
    const mark = k.current.locals;
    const file = k.call(
      DO_FILP_OPEN,
      fd,
      name,
      buildOpenFlags(k, withLargefile(k.image.arch, FMODE_EXEC), 0),
    );
    popLocals(k, mark);
    if (isErr(file)) return file;
    const inode = k.vfs.files.get(file)?.inode;
    const allowed = inode?.type === S_IFREG && (recorded(k)?.ret === 0 || permitted(k, inode, 1) === 0);
    if (allowed) return file;
    k.call(FPUT, file);
    return -EACCES;
  },
);

/** Opens a program by a name in kernel memory. */
export const OPEN_EXEC: FunctionRef = behaviour(
  "open_exec",
  [fn("getname_kernel"), DO_OPEN_EXECAT, PUTNAME],
  (k, text = 0) => {
    const name = kernelName(k, k.memory.readString(text, 4096));
    const file = k.call(DO_OPEN_EXECAT, AT_FDCWD, name, 0);
    k.call(PUTNAME, name);
    return file;
  },
);

/** Closes what was opened with `O_CLOEXEC`. */
export const DO_CLOSE_ON_EXEC: FunctionRef = behaviour("do_close_on_exec", [FILP_CLOSE], (k, files = 0) => {
  for (const fd of openFds(k, files)) {
    if (!closesOnExec(k, files, fd)) continue;
    const file = fdFile(k, files, fd);
    clearFd(k, files, fd);
    k.call(FILP_CLOSE, file, files);
  }
  return Number.NaN;
});

/** The point of no return: memory, files and name become the new program's. */
export const BEGIN_NEW_EXEC: FunctionRef = behaviour(
  "begin_new_exec",
  [DO_CLOSE_ON_EXEC, EXIT_ITIMERS, EXEC_MM_RELEASE, MMPUT, FLUSH_SIGNAL_HANDLERS, SET_TASK_COMM],
  (k, bprm = 0) => {
    const task = k.current;
    // In a replay each thread's own lines say when it ends.
    if (!task.replayed) endOtherThreads(k, task);
    k.call(EXIT_ITIMERS, task.address);
    unshareSighand(k, task);
    k.call(DO_CLOSE_ON_EXEC, task.files);
    const old = task.mm;
    k.call(EXEC_MM_RELEASE, task.address, old);
    const mm = BPRM.mm.get(k, bprm);
    const exe = BPRM.file.get(k, bprm);
    MM.exeFile.set(k, mm, exe);
    FILE.count.add(k, exe, 1);
    if (old !== 0) k.call(MMPUT, old);
    k.tasks.leaveMm(task);
    TASK.mm.set(k, task.address, mm);
    TASK.activeMm.set(k, task.address, mm);
    BPRM.mm.set(k, bprm, 0);
    task.userSpace = newUserSpace(k);
    const space = mmAt(k, mm);
    if (space !== undefined) space.space = task.userSpace;
    k.memory.user = task.userSpace;
    TASK.flags.set(k, task.address, TASK.flags.get(k, task.address) & ~PF_FORKNOEXEC);
    const path = k.memory.readString(BPRM.filename.get(k, bprm), 4096);
    k.call(FLUSH_SIGNAL_HANDLERS, task.address, 0);
    for (const part of [TASK_SIGNAL.altSp, TASK_SIGNAL.altSize]) part.set(k, task.address, 0);
    task.signalFrames.length = 0;
    k.call(SET_TASK_COMM, task.address, BPRM.filename.get(k, bprm) + path.lastIndexOf("/") + 1, 1);
    return 0;
  },
);

/** Loads an ELF program, and its interpreter if it has one. */
export const LOAD_ELF_BINARY: FunctionRef = behaviour(
  "load_elf_binary",
  [OPEN_EXEC, BEGIN_NEW_EXEC, fn("setup_new_exec"), ELF_LOAD, ELF_MAP, FPUT],
  (k, bprm = 0) => {
    const program = BPRM.file.get(k, bprm);
    const inode = k.vfs.files.get(program)?.inode ?? null;
    const alone = recorded(k)?.interpreted === false || isStaticProgram(inode ?? undefined);
    const layouts = LAYOUTS[k.image.arch];
    const path = k.memory.readString(BPRM.filename.get(k, bprm), 4096);
    const segments = recorded(k) !== undefined
      ? recordedSegments(k.image.arch, path, alone)
      : alone
      ? layouts.alone
      : layouts.program;
    // A recording does not tell how large a program is: large enough for what is mapped of it.
    const size = pagesOf(segments) * PAGE;
    if (recorded(k) !== undefined && inode !== null && inode.size < size) inode.size = size;
    const interpreter = alone ? 0 : openInterpreter(k);
    if (isErr(interpreter)) return interpreter;
    let error = k.call(BEGIN_NEW_EXEC, bprm);
    if (error === 0) {
      k.call(fn("setup_new_exec"), bprm);
      const strings = started.get(k);
      mapStack(k, k.current, strings === undefined ? 0 : bytesOf(k, strings) - PAGE);
      if (strings !== undefined) layOut(k, bprm, strings);
      error = loadSegments(k, ELF_LOAD, program, segments, true);
      if (error === 0 && interpreter !== 0) {
        error = loadSegments(k, ELF_MAP, interpreter, layouts.interpreter, false);
      }
    }
    if (interpreter !== 0) k.call(FPUT, interpreter);
    return error;
  },
);

/** What the program that is being loaded is started with. */
const started = new WeakMap<Kernel, ExecStrings>();

function layOut(k: Kernel, bprm: Addr, strings: ExecStrings): void {
  const { mm, userSpace } = k.current;
  if (userSpace === null) return;
  storeStrings(k, mm, userSpace, strings, k.memory.readString(BPRM.filename.get(k, bprm), 4096));
}

/** Opens the interpreter of dynamically linked programs: a `struct file`, or -errno. */
function openInterpreter(k: Kernel): Addr {
  const path = INTERPRETER[k.image.arch];
  if (k.vfs.lookup(path) === null) k.vfs.makePath(path, { mode: S_IFREG | 0o755, size: INTERPRETER_SIZE });
  const text = kzalloc(k, path.length + 1);
  k.memory.writeString(text, path);
  const interpreter = k.call(OPEN_EXEC, text);
  kfree(k, text);
  return interpreter;
}

/** Opens and loads the program that a `struct linux_binprm` describes. */
export const BPRM_EXECVE: FunctionRef = behaviour(
  "bprm_execve",
  [DO_OPEN_EXECAT, fn("sched_exec"), LOAD_ELF_BINARY],
  (k, bprm = 0, fd = 0, name = 0, flags = 0) => {
    const file = k.call(DO_OPEN_EXECAT, fd, name, flags);
    if (isErr(file)) return file;
    k.call(fn("sched_exec"));
    BPRM.file.set(k, bprm, file);
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    if (outcome === undefined && !isProgram(k, file)) return -ENOEXEC;
    const task = k.current;
    const error = k.call(LOAD_ELF_BINARY, bprm);
    if (error === 0) k.tracepoints.fire(PROCESS_EXEC, nameText(k, name), task.pid, task.pid);
    return error;
  },
);

/** `execve`: 0 in the new program, or -errno in the old one. `name` is a `struct filename`. */
export const DO_EXECVEAT_COMMON: FunctionRef = behaviour(
  "do_execveat_common",
  [fn("alloc_bprm"), BPRM_EXECVE, FPUT, fn("free_bprm"), PUTNAME],
  (k, fd = 0, name = 0, argv = 0, envp = 0, flags = 0) => {
    if (isErr(name)) return name;
    const strings = copyStrings(k, argv, envp);
    if (typeof strings === "number") {
      k.call(PUTNAME, name);
      return strings;
    }
    const bprm = kzalloc(k, sizeOfStruct(k, "linux_binprm"));
    k.call(fn("alloc_bprm"), fd, name);
    // The name outlives the user memory it came from: it is in the `struct filename`.
    BPRM.filename.set(k, bprm, nameAddress(k, name));
    BPRM.interp.set(k, bprm, nameAddress(k, name));
    BPRM.mm.set(k, bprm, newMm(k));
    started.set(k, strings);
    const error = k.call(BPRM_EXECVE, bprm, fd, name, flags);
    started.delete(k);
    const unused = BPRM.mm.get(k, bprm);
    if (unused !== 0) k.tasks.putMm(unused);
    k.call(fn("free_bprm"), bprm);
    const file = BPRM.file.get(k, bprm);
    if (file !== 0) k.call(FPUT, file);
    kfree(k, bprm);
    k.call(PUTNAME, name);
    return error;
  },
);

function nameAddress(k: Kernel, name: Addr): Addr {
  return k.memory.readPointer(name);
}

/** Programs are files that somebody may execute; what they contain is not looked at, scripts excepted. */
function isProgram(k: Kernel, file: Addr): boolean {
  const inode = k.vfs.files.get(file)?.inode;
  return inode !== null && inode !== undefined && (inode.mode & 0o111) !== 0;
}
