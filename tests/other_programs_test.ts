/** What recordings of other programs than the ones at hand have shown: each in the few lines that matter. */

import { assertEquals } from "@std/assert";
import { type Arch, kprobe, program, replay, run } from "../mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];

const probes = program({
  vfs_open: kprobe("vfs_open").by((c) => c.comm).count(),
  kernel_clone: kprobe("kernel_clone").by((c) => c.comm).count(),
  do_exit: kprobe("do_exit").by((c) => c.comm).count(),
  tcp_connect: kprobe("tcp_connect").by((c) => c.comm).count(),
  inet_csk_accept: kprobe("inet_csk_accept").by((c) => c.comm).count(),
});

/** One process (100) and what it makes: times are filled in, a line a microsecond. */
async function counts(arch: Arch, lines: readonly string[]): Promise<Record<string, Record<string, number>>> {
  const text = lines.map((line, at) => line.replace(" ", `  1.${String(100 + at).padStart(6, "0")} `)).join(
    "\n",
  );
  const workload = await replay(new TextEncoder().encode(`${text}\n`), { comm: "own" });
  const { maps, outcome } = await run(probes, { arch, workload });
  assertEquals(outcome.reason, "done");
  return Object.fromEntries(
    Object.entries(maps).map(([name, map]) => [name, Object.fromEntries([...map])]).filter(([, map]) =>
      Object.keys(map ?? {}).length > 0
    ),
  );
}

for (const arch of ARCHES) {
  Deno.test(`clone3 goes through kernel_clone on ${arch}`, async () => {
    assertEquals(
      await counts(arch, [
        "100 mmap(NULL, 36864, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0) = 0x7f659c638000",
        "100 clone3({flags=CLONE_VM|CLONE_VFORK, exit_signal=SIGCHLD, stack=0x7f659c638000, stack_size=0x9000}, 88 <unfinished ...>",
        "101 exit_group(0) = ?",
        "101 +++ exited with 0 +++",
        "100 <... clone3 resumed>) = 101",
        "100 exit_group(0) = ?",
        "100 +++ exited with 0 +++",
      ]),
      { kernel_clone: { own: 1 }, do_exit: { own: 2 } },
    );
  });

  Deno.test(`a thread whose id lies in memory that may not be written ends on ${arch}`, async () => {
    assertEquals(
      await counts(arch, [
        "100 mmap(NULL, 36864, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK, -1, 0) = 0x7f659c638000",
        "100 clone3({flags=CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM|CLONE_PARENT_SETTID|CLONE_CHILD_SETTID|CLONE_CHILD_CLEARTID, child_tid=0x7f659c638100, parent_tid=0x7f659c638200, exit_signal=0, stack=0x7f659c638000, stack_size=0x9000}, 88) = 101",
        "101 exit(0) = ?",
        "101 +++ exited with 0 +++",
        "100 exit_group(0) = ?",
        "100 +++ exited with 0 +++",
      ]),
      { kernel_clone: { own: 1 }, do_exit: { own: 2 } },
    );
  });

  Deno.test(`files of processes that nothing else tells of are there as long as the recording says on ${arch}`, async () => {
    assertEquals(
      await counts(arch, [
        '100 openat(AT_FDCWD, "/proc/77/stat", O_RDONLY) = 4',
        "100 close(4) = 0",
        '100 openat(AT_FDCWD, "/proc/77/cmdline", O_RDONLY) = 4',
        "100 close(4) = 0",
        '100 openat(AT_FDCWD, "/proc/77/stat", O_RDONLY) = -1 ENOENT (No such file or directory)',
        "100 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD) = 77",
        "77 getpid() = 77",
        '100 openat(AT_FDCWD, "/proc/77/status", O_RDONLY) = 4',
        "100 close(4) = 0",
        "77 exit_group(0) = ?",
        "77 +++ exited with 0 +++",
        "100 wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 77",
        '100 openat(AT_FDCWD, "/proc/77/status", O_RDONLY) = -1 ENOENT (No such file or directory)',
        "100 exit_group(0) = ?",
        "100 +++ exited with 0 +++",
      ]),
      { vfs_open: { own: 3 }, kernel_clone: { own: 1 }, do_exit: { own: 2 } },
    );
  });

  Deno.test(`a server on a port that the kernel chose has the recorded client on ${arch}`, async () => {
    const thread = "CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_SYSVSEM";
    assertEquals(
      await counts(arch, [
        "100 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 3",
        '100 bind(3, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        "100 listen(3, 5) = 0",
        `100 clone(child_stack=NULL, flags=${thread}) = 101`,
        "101 accept4(3,  <unfinished ...>",
        '100 getsockname(3, {sa_family=AF_INET, sin_port=htons(37527), sin_addr=inet_addr("127.0.0.1")}, [16]) = 0',
        "100 socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_TCP) = 5",
        '100 connect(5, {sa_family=AF_INET, sin_port=htons(37527), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        '101 <... accept4 resumed>{sa_family=AF_INET, sin_port=htons(56740), sin_addr=inet_addr("127.0.0.1")}, [16], SOCK_CLOEXEC) = 4',
        '100 sendto(5, "hello", 5, 0, NULL, 0) = 5',
        '101 recvfrom(4, "hello", 100, 0, NULL, NULL) = 5',
        "100 exit_group(0) = ?",
        "101 +++ exited with 0 +++",
        "100 +++ exited with 0 +++",
      ]),
      { kernel_clone: { own: 1 }, do_exit: { own: 2 }, tcp_connect: { own: 1 }, inet_csk_accept: { own: 1 } },
    );
  });

  Deno.test(`the dynamic loader is loaded without one on ${arch}`, async () => {
    assertEquals(
      await counts(arch, [
        '100 execve("/lib64/ld-linux-x86-64.so.2", ["ld.so", "--verify", "/bin/ls"], 0x7ffc6db8edd0 /* 3 vars */) = 0',
        "100 brk(NULL) = 0x564b8d53c000",
        '100 openat(AT_FDCWD, "/bin/ls", O_RDONLY|O_CLOEXEC) = 3',
        "100 exit_group(0) = ?",
        "100 +++ exited with 0 +++",
      ]),
      { vfs_open: { own: 1, "ld-linux-x86-64": 1 }, do_exit: { "ld-linux-x86-64": 1 } },
    );
  });
}
