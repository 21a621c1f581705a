/**
 * Finds the entry function of every system call.
 *
 * A call's name in the table and the name of its function differ where history made two of it: `stat` is served by `sys_newstat`, i386's `mmap2`
 * by `sys_mmap_pgoff`. The rules below are those of the kernel's syscall_32.tbl, syscall_64.tbl and arm64's unistd.h; a candidate counts if
 * kallsyms has it and, on x86, if the dispatcher (`x64_sys_call`, `ia32_sys_call`) really calls it.
 *
 * A call stays without entry when the kernel answers it with `sys_ni_syscall`, as `create_module` or `tuxcall`.
 *
 * @module
 */
import type { Arch } from "../../image/mod.ts";
import type { SyscallRecord } from "../../image/tables.ts";
import type { KernelFacts } from "./facts.ts";
import { firstAtAddress } from "./source.ts";

interface Convention {
  readonly prefix: string;
  /** The function whose direct calls are the table; absent where the kernel jumps through a table of pointers. */
  readonly dispatcher?: string;
  /** Calls whose function has another name that no rule gives. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Names to try for a call, in order. */
  readonly candidates: (name: string) => readonly string[];
}

const CONVENTIONS: Readonly<Record<Arch, Convention>> = {
  x86_64: {
    prefix: "__x64_sys_",
    dispatcher: "x64_sys_call",
    renamed: {
      stat: "newstat",
      fstat: "newfstat",
      lstat: "newlstat",
      uname: "newuname",
      sendfile: "sendfile64",
      umount2: "umount",
    },
    candidates: (name) => [name],
  },
  arm64: {
    prefix: "__arm64_sys_",
    renamed: {
      fstat: "newfstat",
      uname: "newuname",
      sendfile: "sendfile64",
      umount2: "umount",
      fadvise64: "fadvise64_64",
      personality: "arm64_personality",
    },
    candidates: (name) => [name],
  },
  i386: {
    prefix: "__ia32_sys_",
    dispatcher: "ia32_sys_call",
    renamed: {
      oldstat: "stat",
      oldfstat: "fstat",
      oldlstat: "lstat",
      stat: "newstat",
      fstat: "newfstat",
      lstat: "newlstat",
      oldolduname: "olduname",
      olduname: "uname",
      uname: "newuname",
      umount: "oldumount",
      umount2: "umount",
      readdir: "old_readdir",
      select: "old_select",
      _newselect: "select",
      mmap: "old_mmap",
      mmap2: "mmap_pgoff",
      getrlimit: "old_getrlimit",
      ugetrlimit: "getrlimit",
      _llseek: "llseek",
    },
    candidates: candidates32,
  },
};

/**
 * On 32 bit the old name is the narrow call and the wide one got a suffix: `getuid` is `getuid16` and `getuid32` is `getuid`; `futex` is
 * `futex_time32` and `futex_time64` is `futex`. Calls that pass 64-bit values in pairs of registers have an `ia32_` function.
 */
function candidates32(name: string): readonly string[] {
  const narrow = [`${name}16`, `${name}_time32`, `${name}32`, `ia32_${name}`, name];
  const wide = /^(.+?)(?:_time64|64|32)$/.exec(name)?.[1];
  return wide === undefined ? narrow : [...narrow, wide];
}

/** Joins the system call table to entry functions. */
export function resolveSyscalls(facts: KernelFacts): SyscallRecord[] {
  const { prefix, dispatcher, renamed, candidates } = CONVENTIONS[facts.arch];
  const address = new Map<string, number>();
  for (const symbol of facts.symbols) if (!address.has(symbol.name)) address.set(symbol.name, symbol.address);
  const first = firstAtAddress(facts.symbols);
  const dispatched = facts.text.find((fn) => fn.name === dispatcher)?.calls;
  const called = dispatched && new Set(dispatched.map((call) => address.get(call.target)));
  return facts.syscalls.map(({ nr, name }) => {
    const own = Object.hasOwn(renamed, name) ? renamed[name] : undefined;
    for (const candidate of own === undefined ? candidates(name) : [own]) {
      const at = address.get(prefix + candidate);
      if (at === undefined || (called && !called.has(at))) continue;
      // Calls without arguments share their text with other names; the first one is the traceable one.
      return { nr, name, entry: facts.symbols[first.get(at)!]!.name };
    }
    return { nr, name };
  });
}
