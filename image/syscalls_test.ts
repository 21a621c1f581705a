import { assert, assertEquals } from "@std/assert";
import { coreImage } from "./load.ts";
import type { Arch, KernelImage } from "./model.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

/** Calls that the kernel answers with sys_ni_syscall; on arm64 also two names that its header defines for no call. */
const NOT_IMPLEMENTED: Readonly<Record<Arch, string>> = {
  x86_64:
    "_sysctl afs_syscall create_module epoll_ctl_old epoll_wait_old get_kernel_syms get_thread_area getpmsg " +
    "nfsservctl putpmsg query_module security set_thread_area tuxcall uselib vserver",
  arm64: "arch_specific_syscall nfsservctl syscalls",
  i386: "_sysctl afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg gtty idle lock mpx " +
    "nfsservctl prof profil putpmsg query_module stty ulimit vserver",
};

Deno.test("every system call has an entry function that can be traced, except those that no kernel implements", async () => {
  for (const arch of ARCHES) {
    const image = await coreImage(arch);
    const without = image.syscallNames().filter((name) => image.syscallEntry(name) === undefined);
    assertEquals(without.toSorted().join(" "), NOT_IMPLEMENTED[arch]);
    for (const name of image.syscallNames()) {
      const entry = image.syscallEntry(name);
      if (entry !== undefined) assert(image.func(entry), `${arch} ${name} ${entry}`);
      assertEquals(image.syscallName(image.syscallNumber(name)!), name);
    }
  }
});

Deno.test("no two system calls share an entry function", async () => {
  for (const arch of ARCHES) {
    const image = await coreImage(arch);
    const entries = image.syscallNames().flatMap((name) => image.syscallEntry(name) ?? []);
    assertEquals(new Set(entries).size, entries.length);
  }
});

Deno.test("the dispatcher calls the entries and nothing else", async () => {
  for (const [arch, dispatcher] of [["x86_64", "x64_sys_call"], ["i386", "ia32_sys_call"]] as const) {
    const image = await coreImage(arch);
    const called = image.func(dispatcher)!.callSites().map((site) => site.target);
    const entries = image.syscallNames().flatMap((name) => image.syscallEntry(name) ?? []);
    assertEquals(
      called.filter((name) => name !== "__fentry__" && name !== "__do_sys_ni_syscall").toSorted(),
      entries.toSorted(),
    );
  }
});

function entries(image: KernelImage, names: string): (string | undefined)[] {
  return names.split(" ").map((name) => image.syscallEntry(name)?.replace(/^__\w+?_sys_/, ""));
}

// As the recordings of the same commands show them.
Deno.test("entries whose name differs from the call's", async () => {
  const [x86, arm, i386] = await Promise.all(ARCHES.map(coreImage));
  assertEquals(x86!.syscallEntry("openat"), "__x64_sys_openat");
  assertEquals(x86!.syscallEntry("getpid"), "__do_sys_getpid");
  assertEquals(entries(x86!, "stat newfstatat uname sendfile umount2"), [
    "newstat",
    "newfstatat",
    "newuname",
    "sendfile64",
    "umount",
  ]);
  assertEquals(entries(arm!, "fadvise64 sendfile uname openat"), [
    "fadvise64_64",
    "sendfile64",
    "newuname",
    "openat",
  ]);
  assertEquals(
    entries(
      i386!,
      "mmap2 _llseek fcntl64 clock_nanosleep_time64 clock_nanosleep futex pread64 getuid32 getuid",
    ),
    [
      "mmap_pgoff",
      "llseek",
      "fcntl64",
      "clock_nanosleep",
      "clock_nanosleep_time32",
      "futex_time32",
      "ia32_pread64",
      "getuid",
      "getuid16",
    ],
  );
  assertEquals(x86!.syscallEntry("no_such_call"), undefined);
  assertEquals(x86!.syscallName(9999), undefined);
});
