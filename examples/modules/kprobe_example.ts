/**
 * `samples/kprobes/kprobe_example.c` of Linux 5.10 and later: prints what a kprobe's handlers see whenever a task is
 * made. Parameter `symbol`: the function to probe.
 *
 *     kernel.modules.insmod(kprobe_example, { symbol: "kernel_clone" });
 */
import { linux } from "../../mod.ts";

/** Registers that the example prints, by architecture. */
const FLAGS = { x86_64: "flags", i386: "flags", arm64: "pstate" } as const;

export default linux.kernelModule({
  name: "kprobe_example",
  params: { symbol: "kernel_clone" },
  setup(k, { symbol }) {
    const { log, pointers } = k;
    const flagsRegister = FLAGS[k.archName];

    const kp = new linux.Kprobe({
      symbolName: symbol,
      preHandler(p, regs) {
        const flags = regs.get(flagsRegister).toString(16);
        const ip = pointers.hex(regs.ip);
        const state = k.archName === "arm64"
          ? `pc = 0x${ip}, pstate = 0x${flags}`
          : `ip = ${ip}, flags = 0x${flags}`;
        log.printk(`handler_pre: <${p.symbolName}> p->addr = 0x${pointers.hashed(p.addr ?? 0)}, ${state}`);
        return 0;
      },
      postHandler(p, regs) {
        const flags = regs.get(flagsRegister).toString(16);
        log.printk(
          `handler_post: <${p.symbolName}> p->addr = 0x${pointers.hashed(p.addr ?? 0)}, ` +
            `${flagsRegister} = 0x${flags}`,
        );
      },
    });

    return {
      init() {
        const ret = k.kprobes.registerKprobe(kp);
        if (ret < 0) {
          log.printk(`kprobe_init: register_kprobe failed, returned ${ret}`, "err");
          return ret;
        }
        log.printk(`kprobe_init: Planted kprobe at ${pointers.hashed(kp.addr ?? 0)}`);
        return 0;
      },
      exit() {
        k.kprobes.unregisterKprobe(kp);
        log.printk(`kprobe_exit: kprobe at ${pointers.hashed(kp.addr ?? 0)} unregistered`);
      },
    };
  },
});
