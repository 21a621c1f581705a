/** What a recorded outcome means inside the kernel: which functions run, with what, and what each of them returns. */

import { assertEquals } from "@std/assert";
import type { Arch } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { Kretprobe } from "../kernel/kprobes/mod.ts";
import { bootKernel } from "../session/boot.ts";
import { replay } from "../workloads/mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const EXEC = `600 100.000000 execve("/bin/prog", ["prog"], 0x7ffd /* 1 var */) = 0 <0.000400>\n`;

/** Replays system calls of one process after its execve, with a kernel that `prepare` may probe. */
async function played(arch: Arch, lines: readonly string[], prepare: (k: Kernel) => void): Promise<void> {
  const text = lines.map((line, i) => `600 100.00${i + 1}000 ${line} <0.000100>\n`).join("");
  const workload = await replay(
    new TextEncoder().encode(`${EXEC}${text}600 100.500000 exit_group(0) = ?\n`),
  );
  const k = await bootKernel({ arch });
  prepare(k);
  workload.start(k);
  k.scheduler.run();
}

/** `function = result`, in order of return, of those calls among `functions` that belong to the system call `name`. */
async function results(arch: Arch, line: string, functions: readonly string[]): Promise<string[]> {
  const seen: string[] = [];
  const name = line.slice(0, line.indexOf("("));
  await played(arch, [line], (k) => {
    for (const fn of functions) {
      const symbolName = k.calls.functionByName(fn)?.name;
      if (symbolName === undefined) continue;
      const rp = new Kretprobe({
        symbolName,
        handler: (_instance, regs) => {
          if (k.current.request?.name !== name) return 0;
          const value = Number(BigInt.asIntN(k.arch.wordSize * 8, regs.returnBig()));
          seen.push(`${fn} = ${value < -4095 || value > 0x10000 ? "pointer" : value}`);
          return 0;
        },
        maxactive: 20,
      });
      assertEquals(k.kprobes.registerKretprobe(rp), 0, fn);
    }
  });
  return seen;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a truncate is one call of each function`, async () => {
    const name = arch === "i386" ? "truncate64" : "truncate";
    assertEquals(
      await results(arch, `${name}("/tmp/f", 6000) = 0`, [
        "do_sys_truncate",
        "vfs_truncate",
        "do_truncate",
        "notify_change",
      ]),
      ["notify_change = 0", "do_truncate = 0", "vfs_truncate = 0", "do_sys_truncate = 0"],
    );
  });

  Deno.test(`${arch}: 64-bit arguments arrive whole, and a vector's length is that of its ranges`, async () => {
    const seen: (string | number)[] = [];
    const fadvise = arch === "x86_64" ? "fadvise64" : "fadvise64_64";
    const lines = [
      `openat(AT_FDCWD, "/tmp/f", O_RDWR|O_CREAT, 0644) = 3`,
      `fallocate(3, 0, 5000000000, 20000) = 0`,
      `${fadvise}(3, 0, 0, POSIX_FADV_SEQUENTIAL) = 0`,
      `readv(3, [{iov_base="a"..., iov_len=100}, {iov_base="b"..., iov_len=5000}], 2) = 5100`,
    ];
    const watched: Record<string, number> = {
      vfs_fallocate: 1,
      shmem_fallocate: 1,
      generic_fadvise: 1,
      rw_verify_area: 3,
      do_iter_readv_writev: 3,
    };
    await played(arch, lines, (k) => {
      for (const [name, first] of Object.entries(watched)) {
        k.calls.functionByName(name)!.hooks = {
          offsets: [],
          entry: (regs) => {
            const count = k.calls.functionByName(name)!.nargs;
            if (name !== "rw_verify_area" || k.current.request?.name === "readv") {
              seen.push(
                name,
                ...Array.from({ length: Math.min(count, 4) - first }, (_, i) => regs.param(first + i)),
              );
            }
            return false;
          },
          at: () => {},
        };
      }
    });
    assertEquals(seen, [
      ...["vfs_fallocate", 0, 5000000000, 20000],
      ...["shmem_fallocate", 0, 5000000000, 20000],
      ...["generic_fadvise", 0, 0, 2],
      ...["rw_verify_area", 5100],
      ...["do_iter_readv_writev", 0],
    ]);
  });
}
