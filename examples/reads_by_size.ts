/** Which files does cat open, and how much does each read return? */
import { kprobe, kretprobe, program } from "../mod.ts";

export default program({
  opened: kprobe("vfs_open")
    .filter((c) => c.comm === "cat")
    .print((c) => `${c.comm} opens ${c.args.path.dentry.d_name.name}`),
  bytes: kretprobe("vfs_read").by((c) => c.comm).hist((c) => c.retval),
});
