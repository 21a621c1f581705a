import { assertEquals } from "@std/assert";
import type { Kernel } from "../kernel.ts";
import { ARCHES, bootTest, TestProgram } from "./test_program.ts";
import {
  EAGAIN,
  EBADF,
  EBUSY,
  ECHILD,
  EDEADLK,
  EFAULT,
  EINVAL,
  EMFILE,
  ENOENT,
  ENOEXEC,
  ENOSYS,
  EPERM,
  ESRCH,
  ETIMEDOUT,
} from "./errno.ts";

/** A call and what Linux's manual says that it returns. `a` and `b` are pages of zeros, `c` one to store in, `bad` no memory. */
type Rule = readonly [
  call: string,
  args: readonly (number | "a" | "b" | "c" | "bad" | "self")[],
  result: number,
];

/** Of root. */
const RULES: readonly Rule[] = [
  ["getpgid", [99999], -ESRCH],
  ["getsid", [99999], -ESRCH],
  ["setpgid", [99999, 0], -ESRCH],
  ["setpgid", [0, -1], -EINVAL],
  ["setpgid", [0, 99999], -EPERM],
  ["setsid", [], -EPERM],
  ["prlimit64", [0, 16, 0, "a"], -EINVAL],
  ["prlimit64", [99999, 7, 0, "a"], -ESRCH],
  ["prlimit64", [0, 7, 0, "bad"], -EFAULT],
  ["prlimit64", [0, 7, 0, "c"], 0],
  ["prctl", [1, 65, 0, 0, 0], -EINVAL],
  ["prctl", [1, 9, 0, 0, 0], 0],
  ["prctl", [4, 2, 0, 0, 0], -EINVAL],
  ["prctl", [15, "bad", 0, 0, 0], -EFAULT],
  ["prctl", [38, 1, 0, 0, 0], 0],
  ["prctl", [39, 0, 0, 0, 0], 1],
  ["prctl", [38, 0, 0, 0, 0], -EINVAL],
  ["prctl", [23, 41, 0, 0, 0], -EINVAL],
  ["prctl", [23, 40, 0, 0, 0], 1],
  ["prctl", [-7, 0, 0, 0, 0], -EINVAL],
  ["getrandom", ["c", 16, 0], 16],
  ["getrandom", ["a", 16, 8], -EINVAL],
  ["getrandom", ["a", 16, 6], -EINVAL],
  ["getrandom", ["bad", 16, 0], -EFAULT],
  ["uname", ["bad"], -EFAULT],
  ["setitimer", [3, "a", 0], -EINVAL],
  ["setitimer", [0, "bad", 0], -EFAULT],
  ["getitimer", [-1, "a"], -EINVAL],
  ["set_robust_list", ["a", 8], -EINVAL],
  ["futex", ["a", 0, 1, 0, 0, 0], -EAGAIN],
  ["futex", ["bad", 0, 0, 0, 0, 0], -EFAULT],
  ["futex", ["a", 1, 5, 0, 0, 0], 0],
  ["futex", ["a", 10, 5, 0, 0, 0], -EINVAL],
  ["futex", ["a", 4, 1, 1, "b", 7], -EAGAIN],
  ["futex", ["a", 7, 0, 0, 0, 0], -EPERM],
  ["futex", ["a", 256 + 1, 0, 0, 0, 0], -ENOSYS],
  ["futex", ["a", 99, 0, 0, 0, 0], -ENOSYS],
  ["futex", ["a", 6, 0, 0, 0, 0], 0],
  ["futex", ["a", 6, 0, 0, 0, 0], -EDEADLK],
  ["futex", ["a", 7, 0, 0, 0, 0], 0],
  ["futex", ["a", 0, 0, "b", 0, 0], -ETIMEDOUT],
  ["rseq", ["a", 16, 0, 1], -EINVAL],
  ["rseq", ["a", 32, 0, 1], 0],
  ["rseq", ["a", 32, 0, 1], -EBUSY],
  ["rseq", ["a", 32, 0, 2], -EPERM],
  ["rseq", ["a", 32, 1, 1], 0],
  ["membarrier", [8, 0, 0], -EPERM],
  ["membarrier", [16, 0, 0], 0],
  ["membarrier", [8, 0, 0], 0],
  ["membarrier", [3, 0, 0], -EINVAL],
  ["wait4", [-1, 0, 0, 0], -ECHILD],
  ["wait4", [99999, 0, 1, 0], -ECHILD],
  ["wait4", [-1, 0, 64, 0], -EINVAL],
  ["waitid", [0, 0, 0, 0, 0], -EINVAL],
  ["waitid", [4, 0, 0, 4, 0], -EINVAL],
  ["waitid", [1, 0, 0, 4, 0], -EINVAL],
  ["waitid", [0, 0, 0, 4, 0], -ECHILD],
  ["clone", [0x10000, 0, 0, 0, 0], -EINVAL],
  ["clone", [0x800, 0, 0, 0, 0], -EINVAL],
  ["pidfd_open", [99999, 0], -ESRCH],
  ["pidfd_open", ["self", 1], -EINVAL],
  ["pidfd_open", [0, 0], -EINVAL],
  ["pidfd_send_signal", [99, 0, 0, 0], -EBADF],
  ["capget", ["a", 0], 0],
  ["io_uring_setup", [1, "a"], -ENOSYS],
  ["ioprio_get", [1, 0], 0],
  ["ioprio_set", [1, 0, 2 << 13 | 7], 0],
  ["ioprio_get", [1, 0], 2 << 13 | 7],
  ["ioprio_set", [1, 0, 2 << 13 | 8], -EINVAL],
  ["ioprio_set", [1, 99999, 0], -ESRCH],
  ["ioprio_set", [4, 0, 0], -EINVAL],
  ["adjtimex", ["a"], 5],
  ["clock_adjtime", [0, "b"], 5],
  ["clock_adjtime", [1, "b"], -EINVAL],
  ["adjtimex", ["bad"], -EFAULT],
  ["kcmp", ["self", "self", 0, 0, 1], 0],
  ["kcmp", ["self", "self", 0, 0, 99], -EBADF],
  ["kcmp", ["self", 1, 9, 0, 0], -EINVAL],
  ["kcmp", ["self", 99999, 0, 0, 0], -ESRCH],
  ["kcmp", ["self", "self", 2, 0, 0], 0],
  ["pidfd_open", ["self", 0], 3],
  ["pidfd_getfd", [3, 0, 0], 4],
  ["pidfd_getfd", [3, 99, 0], -EBADF],
  ["pidfd_getfd", [0, 0, 0], -EBADF],
  ["pidfd_getfd", [3, 0, 1], -EINVAL],
  ["close", [4], 0],
  ["close", [3], 0],
  ["syslog", [10, 0, 0], 1 << 17],
  ["syslog", [11, 0, 0], -EINVAL],
  ["syslog", [3, 0, 100], -EINVAL],
  ["memfd_secret", [0], -ENOSYS],
  ["init_module", ["a", 4096, "b"], -ENOEXEC],
  ["delete_module", ["a", 0], -ENOENT],
  ["finit_module", [99, "a", 0], -EBADF],
  ["rt_sigsuspend", ["a", 4], -EINVAL],
  ["rt_sigprocmask", [3, "a", 0, 8], -EINVAL],
  ["rt_sigprocmask", [0, "bad", 0, 8], -EFAULT],
  ["sigaltstack", ["bad", 0], -EFAULT],
  ["getgroups", [-1, "a"], -EINVAL],
  ["getgroups", [0, 0], 0],
  ["setgroups", [2, "b"], 0],
  ["getgroups", [1, "a"], -EINVAL],
  ["getgroups", [0, 0], 2],
];

/** Of a user with no privileges, whose ids are 1000. */
const OTHERS: readonly Rule[] = [
  ["setuid", [0], -EPERM],
  ["setuid", [1000], 0],
  ["setuid", [-1], -EINVAL],
  ["setgid", [0], -EPERM],
  ["setreuid", [-1, 1000], 0],
  ["setreuid", [0, -1], -EPERM],
  ["setresuid", [-1, -1, -1], 0],
  ["setresuid", [1000, 0, -1], -EPERM],
  ["setfsuid", [0], 1000],
  ["setfsuid", [-1], 1000],
  ["setgroups", [0, 0], -EPERM],
  ["sethostname", ["a", 1], -EPERM],
  ["ioprio_set", [1, 0, 1 << 13 | 4], -EPERM],
  ["ioprio_set", [1, 0, 3 << 13], 0],
  ["kcmp", ["self", 1, 1, 0, 0], -EPERM],
  ["init_module", ["a", 4096, "b"], -EPERM],
  ["swapon", ["a", 0], -EPERM],
  ["syslog", [3, "a", 100], -EPERM],
  ["syslog", [5, 0, 0], -EPERM],
  ["fsopen", ["a", 0], -EPERM],
  ["kill", [1, 15], -EPERM],
  ["kill", [1, 0], -EPERM],
];

function holds(k: Kernel, uid: number, rules: readonly Rule[]): void {
  const task = k.tasks.create({ comm: "test", uid, gid: uid });
  const p = new TestProgram(k, task);
  const seen: string[] = [];
  const wanted: string[] = [];
  k.scheduler.spawn(
    task,
    (function* () {
      const places = { a: p.room(4096), b: p.room(4096), c: p.room(4096), bad: 0x3000, self: task.pid };
      for (const page of [places.a, places.b]) k.memory.fill(page, 4096, 0);
      for (const [call, args, result] of rules) {
        // i386 has its wide ids and times under other names.
        const name = [`${call}32`, `${call}_time64`, call].find((each) =>
          k.archName === "i386" && k.image.syscallNumber(each) !== undefined
        ) ?? call;
        if (k.image.syscallNumber(name) === undefined) {
          continue;
        }
        const words = args.map((arg) =>
          typeof arg === "number" ? arg : places[arg]
        );
        const line = `${name}(${args.join(", ")})`;
        seen.push(`${line} = ${yield* p.call(name, ...words)}`);
        wanted.push(`${line} = ${result}`);
      }
    })(),
  );
  k.scheduler.run();
  assertEquals(seen, wanted);
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: errors of the calls about tasks are Linux's, for root and for others`, async () => {
    const k = await bootTest(arch);
    holds(k, 0, RULES);
    holds(k, 1000, OTHERS);
  });

  Deno.test(`${arch}: a limit of descriptors holds, and is inherited`, async () => {
    const k = await bootTest(arch);
    const task = k.tasks.create({ comm: "test", uid: 1000, gid: 1000 });
    const p = new TestProgram(k, task);
    const results: number[] = [];
    k.scheduler.spawn(
      task,
      (function* () {
        const limit = p.room(16);
        k.memory.writeBig(limit, 8, 5n);
        k.memory.writeBig(limit + 8, 8, 6n);
        results.push(yield* p.call("prlimit64", 0, 7, limit, 0));
        results.push(yield* p.call("dup", 0), yield* p.call("dup", 0), yield* p.call("dup", 0));
        k.memory.writeBig(limit, 8, 6n);
        results.push(yield* p.call("prlimit64", 0, 7, limit, 0), yield* p.call("dup", 0));
        k.memory.writeBig(limit + 8, 8, 7n);
        results.push(yield* p.call("prlimit64", 0, 7, limit, 0));
        results.push(yield* p.call("fcntl", 0, 0, 6));
      })(),
    );
    k.scheduler.run();
    assertEquals(results, [0, 3, 4, -EMFILE, 0, 5, -EPERM, -EINVAL]);
  });

  Deno.test(`${arch}: a capability goes with root's ids, and goes with them`, async () => {
    const k = await bootTest(arch);
    const task = k.tasks.create({ comm: "test", uid: 0, gid: 0 });
    const p = new TestProgram(k, task);
    const suffix = arch === "i386" ? "32" : "";
    const results: number[] = [];
    k.scheduler.spawn(
      task,
      (function* () {
        results.push(yield* p.call(`setresuid${suffix}`, -1, 1000, -1));
        results.push(yield* p.call(`setuid${suffix}`, 2000));
        results.push(yield* p.call(`setuid${suffix}`, 0));
        results.push(yield* p.call(`setuid${suffix}`, 1000));
        results.push(yield* p.call(`getuid${suffix}`), yield* p.call(`geteuid${suffix}`));
      })(),
    );
    k.scheduler.run();
    // The saved id 0 gives root back; then all of them are given up at once.
    assertEquals(results, [0, -EPERM, 0, 0, 1000, 1000]);
  });
}
