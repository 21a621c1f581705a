/**
 * Kernel stacks are those that bpftrace printed on real kernels of these images, offset for offset. The recordings are of
 * `bpftrace -e 'kprobe:vfs_read { @[kstack] = count(); }'` and the like; i386 has none.
 */

import { assertEquals } from "@std/assert";
import { kprobe, program, replay, run } from "../mod.ts";

/** Recorded frames from the hit outwards, per architecture and probed function. */
const RECORDED = {
  x86_64: {
    vfs_read: ["vfs_read+1", "ksys_read+107", "do_syscall_64+93"],
    vfs_write: ["vfs_write+1", "ksys_write+107", "do_syscall_64+93", "entry_SYSCALL_64_after_hwframe+110"],
    // By ftrace's own stack trace, which prints no offsets.
    do_sys_openat2: ["do_sys_openat2", "__x64_sys_openat", "do_syscall_64", "entry_SYSCALL_64_after_hwframe"],
  },
  arm64: {
    vfs_read: ["vfs_read+0", "__arm64_sys_read+36", "invoke_syscall+104"],
    vfs_write: [
      "vfs_write+0",
      "__arm64_sys_write+36",
      "invoke_syscall+104",
      "el0_svc_common.constprop.0+76",
      "do_el0_svc+44",
      "el0_svc+52",
      "el0t_64_sync_handler+244",
      "el0t_64_sync+396",
    ],
    do_sys_openat2: [
      "do_sys_openat2",
      "invoke_syscall",
      "el0_svc_common.constprop.0",
      "do_el0_svc",
      "el0_svc",
      "el0t_64_sync_handler",
      "el0t_64_sync",
    ],
  },
} as const;

const recording = await Deno.readFile(new URL("../examples/recordings/dd.strace.gz", import.meta.url));

for (const arch of ["x86_64", "arm64"] as const) {
  Deno.test(`stacks on ${arch} are those of the real kernel`, async () => {
    const probes = program({
      vfs_read: kprobe("vfs_read").by((c) => c.kstack()).count(),
      vfs_write: kprobe("vfs_write").by((c) => c.kstack()).count(),
      do_sys_openat2: kprobe("do_sys_openat2").by((c) => c.kstack()).count(),
    });
    const { maps } = await run(probes, { arch, workload: await replay(recording) });
    for (const name of ["vfs_read", "vfs_write", "do_sys_openat2"] as const) {
      const want: readonly string[] = RECORDED[arch][name];
      // Other calls come through other places (pread64, a second call site): the usual way is the one recorded.
      const usual = [...maps[name]].reduce((most, entry) => entry[1] > most[1] ? entry : most)[0].symbols;
      const offsets = want[0]?.includes("+") === true;
      // Some were recorded with a depth of 3; where all was recorded, all is compared.
      const frames = name === "vfs_read" ? usual.slice(0, 3) : usual;
      assertEquals(offsets ? frames : frames.map((frame) => frame.replace(/\+\d+$/, "")), want, name);
    }
  });
}
