/**
 * `samples/kprobes/kprobe_example.c` of Linux 4.18: `_do_fork`, and a fault handler besides pre and post handler.
 *
 *     const kernel = await bootKernel({ release: "4.18" });
 *     kernel.modules.insmod(kprobe_example);
 */
import { linux } from "../../mod.ts";

/** Registers that the example prints, by architecture. */
const FLAGS = { x86_64: "flags", i386: "flags", arm64: "pstate" } as const;

export default linux.kernelModule({
  name: "kprobe_example",
  params: { symbol: "_do_fork" },
  setup(k, { symbol }) {
    const { log, pointers } = k;
    const flagsRegister = FLAGS[k.archName];
    const addressOf = (p: linux.Kprobe) => pointers.hashed(p.addr ?? 0);

    const kp = new linux.Kprobe({
      symbolName: symbol,
      preHandler(p, regs) {
        const flags = regs.get(flagsRegister).toString(16);
        const ip = pointers.hex(regs.ip);
        const state = k.archName === "arm64"
          ? `pc = 0x${ip}, pstate = 0x${flags}`
          : `ip = ${ip}, flags = 0x${flags}`;
        log.printk(`<${p.symbolName}> pre_handler: p->addr = 0x${addressOf(p)}, ${state}`);
        return 0;
      },
      postHandler(p, regs) {
        const flags = regs.get(flagsRegister).toString(16);
        log.printk(
          `<${p.symbolName}> post_handler: p->addr = 0x${addressOf(p)}, ${flagsRegister} = 0x${flags}`,
        );
      },
      faultHandler(p, _regs, trapnr) {
        // The "n" stands in the original: it lacks a backslash.
        log.printk(`fault_handler: p->addr = 0x${addressOf(p)}, trap #${trapnr}n`);
        // Return 0 because we don't handle the fault.
        return 0;
      },
    });

    return {
      init() {
        const ret = k.kprobes.registerKprobe(kp);
        if (ret < 0) {
          log.printk(`register_kprobe failed, returned ${ret}`, "err");
          return ret;
        }
        log.printk(`Planted kprobe at ${addressOf(kp)}`);
        return 0;
      },
      exit() {
        k.kprobes.unregisterKprobe(kp);
        log.printk(`kprobe at ${addressOf(kp)} unregistered`);
      },
    };
  },
});
