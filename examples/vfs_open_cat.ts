/** What does cat open, what do its reads return, and how long do they take? */
import { kprobe, kretprobe, latency, program } from "../mod.ts";

export default program({
  opened: kprobe("vfs_open")
    .filter((c) => c.comm === "cat")
    .print((c) => `vfs_open ${c.args.path.dentry.d_name.name}  ${c.registers}`),
  returned: kretprobe("vfs_read")
    .filter((c) => c.comm === "cat")
    .print((c) => `vfs_read = ${c.retval}`),
  read_ns: latency("vfs_read")
    .filter((c) => c.comm === "cat")
    .hist((c) => c.duration),
  stack: kprobe("vfs_open")
    .filter((c) => c.comm === "cat")
    .by((c) => c.kstack())
    .count(),
});
