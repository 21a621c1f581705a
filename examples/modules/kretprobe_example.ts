/**
 * `samples/kprobes/kretprobe_example.c`: prints what a function returns and how long it took, for tasks that have user
 * memory. Parameter `func`: the function to probe.
 *
 *     kernel.modules.insmod(kretprobe_example, { func: "kernel_clone" });
 */
import { linux } from "../../mod.ts";

/** `struct my_data`: the time of entry, 64 bits. */
const DATA_SIZE = 8;

/** The module, with the function that it probes by default. */
function kretprobeExample(defaultFunc: string): linux.AnyModule {
  return linux.kernelModule({
    name: "kretprobe_example",
    params: { func: defaultFunc },
    setup(k, { func }) {
      const { log, pointers } = k;

      const rp = new linux.Kretprobe({
        symbolName: func,
        entryHandler(instance) {
          // Skip kernel threads.
          if (k.current.mm === 0) return 1;
          instance.data.setBigInt64(0, BigInt(k.now()), true);
          return 0;
        },
        handler(instance, regs) {
          const delta = BigInt(k.now()) - instance.data.getBigInt64(0, true);
          const retval = BigInt.asUintN(k.arch.wordSize * 8, regs.returnBig());
          log.printk(`${func} returned ${retval} and took ${delta} ns to execute`);
          return 0;
        },
        dataSize: DATA_SIZE,
        // Probe up to 20 instances concurrently.
        maxactive: 20,
      });

      return {
        init() {
          const ret = k.kprobes.registerKretprobe(rp);
          if (ret < 0) {
            log.printk(`register_kretprobe failed, returned ${ret}`, "err");
            return ret;
          }
          log.printk(`Planted return probe at ${rp.kp.symbolName}: ${pointers.hashed(rp.kp.addr ?? 0)}`);
          return 0;
        },
        exit() {
          k.kprobes.unregisterKretprobe(rp);
          log.printk(`kretprobe at ${pointers.hashed(rp.kp.addr ?? 0)} unregistered`);
          // nmissed > 0 suggests that maxactive was set too low.
          log.printk(`Missed probing ${rp.nmissed} instances of ${rp.kp.symbolName}`);
        },
      };
    },
  });
}

export default kretprobeExample("kernel_clone");

/** The same for a kernel of release 4.18. */
export const kretprobe_example_4_18: linux.AnyModule = kretprobeExample("_do_fork");
