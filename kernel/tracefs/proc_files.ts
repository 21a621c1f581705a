/**
 * The files of procfs and sysfs that belong to tracing, or that its users look at first.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";
import { releaseSymbol } from "../release/release.ts";
import { cmdlineText, versionText } from "../release/build_info.ts";
import type { Directory } from "./directory.ts";
import type { FollowedFunctions } from "./followed_functions.ts";
import { kallsymsText } from "./kallsyms.ts";
import { addSysctl, type Sysctls } from "./sysctls.ts";

/** Hangs them up below the root directory. */
export function addProcFiles(
  root: Directory,
  k: Kernel,
  sysctls: Sysctls,
  followed: FollowedFunctions,
): void {
  root.lazy("proc", (proc) => {
    proc.add("kallsyms", {
      mode: 0o444,
      read: () =>
        kallsymsText(
          k.image,
          sysctls.hidesAddresses,
          (module) => k.modules.get(module) !== undefined,
          (symbol) => releaseSymbol(k.release, symbol),
        ),
    });
    proc.add("version", { mode: 0o444, read: () => versionText(k.image) });
    proc.add("cmdline", { mode: 0o444, read: () => cmdlineText(k.image) });
    addSysctls(proc.directory("sys", 0o555), k, sysctls, followed);
  });
  root.lazy("sys/devices/system/cpu", (cpu) => {
    for (const name of ["online", "possible", "present"]) {
      cpu.add(name, { mode: 0o444, read: () => k.cpus === 1 ? "0\n" : `0-${k.cpus - 1}\n` });
    }
  });
}

function addSysctls(sys: Directory, k: Kernel, sysctls: Sysctls, followed: FollowedFunctions): void {
  addSysctl(
    sys,
    "kernel/kptr_restrict",
    { get: () => sysctls.kptrRestrict, set: (value) => sysctls.kptrRestrict = value },
    0,
    2,
  );
  addSysctl(
    sys,
    "kernel/perf_event_paranoid",
    { get: () => sysctls.perfEventParanoid, set: (value) => sysctls.perfEventParanoid = value },
    -1,
    4,
  );
  addSysctl(
    sys,
    "kernel/ftrace_enabled",
    {
      get: () => sysctls.ftraceEnabled,
      set(value): void {
        sysctls.ftraceEnabled = value;
        k.kprobes.ftraceEnabled = value !== 0;
        followed.arm();
      },
    },
    -(2 ** 31),
    2 ** 31 - 1,
  );
  // arm64 has no jump optimisation, and so no switch for it.
  if (k.image.arch === "arm64") return;
  addSysctl(
    sys,
    "debug/kprobes-optimization",
    {
      get: () => k.kprobes.optimization ? 1 : 0,
      set: (value) => k.kprobes.optimization = value !== 0,
    },
    0,
    1,
  );
}
