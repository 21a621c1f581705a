/**
 * What every dynamically linked program does before its `main`: the C library's start-up, call by call as recorded.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { LIBC } from "../../kernel/mm/started_memory.ts";
import { name, number, struct } from "../replay/build_value.ts";
import type { Steps } from "../program.ts";
import type { Sys } from "../sys.ts";

/** Size of `/etc/ld.so.cache`. */
const CACHE_SIZE = 37251;
/** Size of the C library's file. */
const LIBC_SIZE = 1926232;

/** Puts the files in place that a program needs to start: itself, the loader's cache, the C library. */
export function installProgram(k: Kernel, path: string, size = 44016): void {
  k.vfs.makePath("/etc/ld.so.cache", { size: CACHE_SIZE });
  k.vfs.makePath(LIBC[k.image.arch], { mode: 0o100755, size: LIBC_SIZE });
  k.vfs.makePath(path, { mode: 0o100755, size });
}

/** Executes `path` and starts it up, to where its `main` begins. */
export function* startProgram(sys: Sys, path: string, argv: readonly string[]): Steps<void> {
  yield* sys.execve(path, argv);
  yield* sys.brk();
  yield* sys.mmap(8192, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
  yield* sys.access("/etc/ld.so.preload");
  const cacheFd = yield* sys.open("/etc/ld.so.cache", "O_RDONLY|O_CLOEXEC");
  yield* sys.fstat(cacheFd);
  const cache = yield* sys.mmap(CACHE_SIZE, "PROT_READ", "MAP_PRIVATE", cacheFd);
  yield* sys.close(cacheFd);
  const libc = yield* loadLibc(sys);
  const tls = yield* sys.mmap(12288, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
  // arm64 keeps the thread pointer in a register of its own.
  if (sys.arch !== "arm64") {
    yield* sys.given({ ret: 0, duration: 700 }, "arch_prctl", name("ARCH_SET_FS"), tls + 0x740);
  }
  yield* sys.call("set_tid_address", tls + 0xa10);
  yield* sys.given({ ret: 0, duration: 400 }, "set_robust_list", tls + 0xa20, 24);
  yield* sys.given({ ret: 0, duration: 400 }, "rseq", tls + 0x1060, 0x20, 0, 0x53053053);
  yield* sys.mprotect(libc + 0x1cf000, 16384, "PROT_READ");
  yield* sys.given(
    { ret: 0, duration: 600 },
    "prlimit64",
    0,
    name("RLIMIT_STACK"),
    0,
    struct({ rlim_cur: number(0) }),
  );
  yield* sys.munmap(cache, CACHE_SIZE);
  yield* sys.given({ ret: 8, duration: 800 }, "getrandom", "", 8, name("GRND_NONBLOCK"));
  const heap = yield* sys.brk();
  yield* sys.brk(heap + 0x21000);
}

function* loadLibc(sys: Sys): Steps<number> {
  const fd = yield* sys.open(LIBC[sys.arch], "O_RDONLY|O_CLOEXEC");
  yield* sys.read(fd, 832);
  yield* sys.pread(fd, 784, 64);
  yield* sys.fstat(fd);
  yield* sys.pread(fd, 784, 64);
  const base = yield* sys.mmap(1974096, "PROT_READ", "MAP_PRIVATE|MAP_DENYWRITE", fd);
  const fixed = "MAP_PRIVATE|MAP_FIXED|MAP_DENYWRITE";
  yield* sys.mmap(1400832, "PROT_READ|PROT_EXEC", fixed, fd, 0x26000, base + 0x26000);
  yield* sys.mmap(339968, "PROT_READ", fixed, fd, 0x17c000, base + 0x17c000);
  yield* sys.mmap(24576, "PROT_READ|PROT_WRITE", fixed, fd, 0x1cf000, base + 0x1cf000);
  const zeros = "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS";
  yield* sys.mmap(53072, "PROT_READ|PROT_WRITE", zeros, -1, 0, base + 0x1d5000);
  yield* sys.close(fd);
  return base;
}
