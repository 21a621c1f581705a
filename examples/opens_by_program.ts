/** Which programs of a shell script open files, how often in vain, and what were they looking for? */
import { kprobe, kretprobe, program, tracepoint } from "../mod.ts";

export default program({
  opens: kprobe("do_sys_openat2").by((c) => c.comm).count(),
  failed: kretprobe("do_sys_openat2").filter((c) => c.retval < 0).by((c) => [c.comm, c.retval]).count(),
  names: tracepoint("syscalls:sys_enter_openat").by((c) => c.args.filename).count(),
});
