/**
 * System calls about signals.
 *
 * @module
 */

import { behaviour, type Blocking, blocking, fn, type FunctionRef } from "../calls/function.ts";
import { fileOf } from "../fs/fdtable.ts";
import { PIDFD } from "../fs/fileops.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { FIND_VPID } from "../process/pid.ts";
import { PIDFD_PREPARE, pidfdTask } from "../process/pidfd_file.ts";
import { signalPending } from "../process/signal.ts";
import { recordedWake, SCHEDULE, sleep } from "../process/sleep.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { sizeOfStruct } from "../process/objects.ts";
import { TASK, TASK_INTERRUPTIBLE } from "../process/task.ts";
import { loadUser } from "../process/user_load.ts";
import { DO_SIGACTION } from "../signal/action.ts";
import {
  blockedOf,
  pendingSet,
  privatePending,
  sharedPending,
  SIGACTION,
  TASK_SIGNAL,
  writeSet,
} from "../signal/fields.ts";
import { onAltStack, takeFrame } from "../signal/frame.ts";
import { DO_SEND_SPECIFIC, KILL_PID_INFO, KILL_SOMETHING_INFO, sendsInReplay } from "../signal/kill.ts";
import { SET_CURRENT_BLOCKED, SIGPROCMASK } from "../signal/mask.ts";
import { SI_QUEUE, SI_TKILL, SI_USER, SIG_KERNEL_ONLY } from "../signal/numbers.ts";
import { DEQUEUE_SIGNAL } from "../signal/pending.ts";
import { withSiginfo } from "../signal/send.ts";
import { SI_MAX_SIZE, siginfoSize, siSigno } from "../signal/siginfo.ts";
import { loadUserSet, storeUserSet } from "../signal/user_set.ts";
import { blockingSyscall, syscall } from "./define.ts";
import { EAGAIN, EBADF, EFAULT, EINTR, EINVAL, ENOMEM, EPERM, ERESTARTNOHAND, ESRCH } from "./errno.ts";
import { stackPointer } from "./registers.ts";
import { mayStore } from "../process/user_store.ts";

const word = (k: Kernel): 4 | 8 => k.image.pointerSize as 4 | 8;

syscall(
  "rt_sigprocmask",
  ["int", "ulong", "ulong", "ulong"],
  [SIGPROCMASK],
  (k, how = 0, set = 0, old = 0, size = 0) => {
    if (size !== 8) return -EINVAL;
    const before = blockedOf(k, k.current.address);
    if (set !== 0) {
      const given = loadUserSet(k, set);
      if (given === null) return fault(k);
      const error = withSet(k, given & ~SIG_KERNEL_ONLY, (at) => k.call(SIGPROCMASK, how, at, 0));
      if (error !== 0) return error;
    }
    return old === 0 || storeUserSet(k, old, before) ? 0 : fault(k);
  },
);
// i386's call with sets of 32 signals.
syscall("sigprocmask", ["int", "ulong", "ulong"], [SET_CURRENT_BLOCKED], (k, how = 0, set = 0, old = 0) => {
  const before = blockedOf(k, k.current.address);
  if (set !== 0) {
    const given = loadUserSet(k, set, 4);
    if (given === null) return fault(k);
    const high = before >> 32n << 32n;
    const wanted = how === 0 ? before | given : how === 1 ? before & ~given : how === 2 ? high | given : null;
    if (wanted === null) return -EINVAL;
    withSet(k, wanted, (at) => k.call(SET_CURRENT_BLOCKED, at));
  }
  return old === 0 || storeUserSet(k, old, before, 4) ? 0 : fault(k);
});

// i386's first calls, which know 32 signals.
syscall("sgetmask", [], [], (k) => {
  return recordedOr(k, Number(BigInt.asIntN(32, blockedOf(k, k.current.address))));
});
syscall("ssetmask", ["int"], [SET_CURRENT_BLOCKED], (k, mask = 0) => {
  const before = Number(BigInt.asIntN(32, blockedOf(k, k.current.address)));
  withSet(k, BigInt(mask >>> 0), (at) => k.call(SET_CURRENT_BLOCKED, at));
  return recordedOr(k, before);
});

syscall(
  "rt_sigaction",
  ["int", "ulong", "ulong", "ulong"],
  [DO_SIGACTION],
  (k, signal = 0, act = 0, oact = 0, size = 0) => {
    if (size !== 8) return -EINVAL;
    return withAction(k, act, oact, (kact, koact) => k.call(DO_SIGACTION, signal, kact, koact));
  },
);
// i386's old forms.
syscall("sigaction", ["int", "ulong", "ulong"], [DO_SIGACTION], (k, signal = 0, act = 0, oact = 0) => {
  const mark = k.current.locals;
  const size = sizeOfStruct(k, "k_sigaction");
  const [kact, koact] = [pushLocal(k, size), pushLocal(k, size)];
  let error = 0;
  if (act !== 0) {
    // handler, mask, flags, restorer
    const at = (index: number): number => loadUser(k, act + index * 4, 4, false);
    if (Number.isNaN(at(0) + at(3))) error = fault(k);
    else {
      SIGACTION.handler.set(k, kact, at(0));
      writeSet(k, SIGACTION.mask.at(k, kact), BigInt(at(1)));
      SIGACTION.flags.set(k, kact, at(2));
      SIGACTION.restorer.set(k, kact, at(3));
    }
  }
  if (error === 0) error = k.call(DO_SIGACTION, signal, act === 0 ? 0 : kact, oact === 0 ? 0 : koact);
  if (error === 0 && oact !== 0 && mayStore(k, oact, 16)) {
    const mask = Number(k.memory.readBig(SIGACTION.mask.at(k, koact), 8, false) & 0xffffffffn);
    const parts = [SIGACTION.handler.get(k, koact), mask, SIGACTION.flags.get(k, koact), 0];
    parts.forEach((part, i) => k.memory.store(oact + i * 4, 4, part));
  }
  popLocals(k, mark);
  return error;
});
syscall("signal", ["int", "ulong"], [DO_SIGACTION], (k, signal = 0, handler = 0) => {
  const mark = k.current.locals;
  const size = sizeOfStruct(k, "k_sigaction");
  const [act, old] = [pushLocal(k, size), pushLocal(k, size)];
  SIGACTION.handler.set(k, act, handler);
  SIGACTION.flags.set(k, act, 0xc0000000);
  const error = k.call(DO_SIGACTION, signal, act, old);
  const before = SIGACTION.handler.get(k, old);
  popLocals(k, mark);
  return error !== 0 ? error : before;
});

const rtSigreturn = (k: Kernel): number => {
  const frame = takeFrame(k);
  return frame?.result ?? recordedOr(k, 0);
};
syscall("rt_sigreturn", [], [SET_CURRENT_BLOCKED], rtSigreturn);
syscall("sigreturn", [], [SET_CURRENT_BLOCKED], rtSigreturn);

syscall("rt_sigpending", ["ulong", "ulong"], [], (k, set = 0, size = 0) => {
  if (size > 8) return -EINVAL;
  return storeUserSet(k, set, waiting(k), size === 4 ? 4 : 8) ? 0 : fault(k);
});
syscall("sigpending", ["ulong"], [], (k, set = 0) => storeUserSet(k, set, waiting(k), 4) ? 0 : fault(k));

/** Sleeps under another mask until a handler has run. (set) */
const SIGSUSPEND: FunctionRef = blocking(
  "sigsuspend",
  [SET_CURRENT_BLOCKED, SCHEDULE],
  function* (k, set = 0) {
    const { current } = k;
    const saved = TASK_SIGNAL.savedSigmask.at(k, current.address);
    writeSet(k, saved, blockedOf(k, current.address));
    k.call(SET_CURRENT_BLOCKED, set);
    yield* untilSignal(k);
    current.restoreSigmask = true;
    return -ERESTARTNOHAND;
  },
);
blockingSyscall("rt_sigsuspend", ["ulong", "ulong"], [SIGSUSPEND], (k, set = 0, size = 0) => {
  if (size !== 8) return -EINVAL;
  return suspend(k, loadUserSet(k, set));
});
blockingSyscall(
  "sigsuspend",
  ["int", "int", "ulong"],
  [SIGSUSPEND],
  (k, _a, _b, mask = 0) => suspend(k, BigInt(mask >>> 0)),
);

blockingSyscall("pause", [], [SCHEDULE], function* (k) {
  yield* untilSignal(k);
  return -ERESTARTNOHAND;
});

/** Takes one of some signals, after a wait at most until `timeout`: its number. (set, info, timeout) */
const DO_SIGTIMEDWAIT: FunctionRef = blocking(
  "do_sigtimedwait",
  [DEQUEUE_SIGNAL, SET_CURRENT_BLOCKED, fn("schedule_hrtimeout_range")],
  function* (k, which = 0, info = 0, timeout = 0) {
    const task = k.current;
    const wanted = k.memory.readBig(which, 8, false) & ~SIG_KERNEL_ONLY;
    const mark = task.locals;
    const mask = pushLocal(k, 8);
    writeSet(k, mask, ((1n << 64n) - 1n) & ~wanted);
    const take = (): number => k.call(DEQUEUE_SIGNAL, task.address, mask, info, 0);
    let signal = take();
    const outcome = recorded(k);
    if (outcome !== undefined && k.clock.now < recordedWake(k)) {
      yield* sleep(k, "recorded", TASK_INTERRUPTIBLE);
    }
    if (outcome === undefined && signal === 0 && timeout !== 0) {
      const until = timeout > 0 ? k.clock.now + timeout : undefined;
      const { address } = task;
      const before = blockedOf(k, address);
      // While it waits, what it waits for wakes it.
      writeSet(k, TASK_SIGNAL.realBlocked.at(k, address), before);
      writeSet(k, TASK_SIGNAL.blocked.at(k, address), before & ~wanted);
      while (signal === 0) {
        yield* sleep(k, until === undefined ? {} : { until }, TASK_INTERRUPTIBLE);
        signal = take();
        if (signal !== 0 || signalPending(k, task) || (until !== undefined && k.clock.now >= until)) break;
      }
      withSet(k, before, (at) => k.call(SET_CURRENT_BLOCKED, at));
      writeSet(k, TASK_SIGNAL.realBlocked.at(k, address), 0n);
      if (signal === 0) signal = take();
      popLocals(k, mark);
      return signal !== 0 ? signal : signalPending(k, task) ? -EINTR : -EAGAIN;
    }
    popLocals(k, mark);
    if (outcome !== undefined) {
      // Sent by somebody whom the recording does not show: gone all the same.
      return outcome.ret;
    }
    return signal !== 0 ? signal : -EAGAIN;
  },
);
for (const [name, narrow] of [["rt_sigtimedwait", false], ["rt_sigtimedwait_time32", true]] as const) {
  blockingSyscall(
    name,
    ["ulong", "ulong", "ulong", "ulong"],
    [DO_SIGTIMEDWAIT],
    function* (k, set = 0, uinfo = 0, uts = 0, size = 0) {
      if (size !== 8) return -EINVAL;
      const wanted = loadUserSet(k, set);
      if (wanted === null) return fault(k);
      let timeout = -1;
      if (uts !== 0) {
        const part = narrow ? 4 : 8;
        const seconds = loadUser(k, uts, part, true);
        const nanos = loadUser(k, uts + part, narrow ? 4 : word(k), true);
        if (Number.isNaN(seconds + nanos)) return fault(k);
        if (seconds < 0 || nanos < 0 || nanos >= 1e9) return -EINVAL;
        timeout = Math.min(seconds, 8e6) * 1e9 + nanos;
      }
      const mark = k.current.locals;
      const [which, info] = [pushLocal(k, 8), pushLocal(k, siginfoSize(k))];
      writeSet(k, which, wanted);
      const signal = yield* k.calls.callBlocking(DO_SIGTIMEDWAIT, which, info, timeout);
      if (signal > 0 && uinfo !== 0 && mayStore(k, uinfo, SI_MAX_SIZE) && siSigno(k, info) !== 0) {
        copyInfo(k, info, uinfo);
      }
      popLocals(k, mark);
      return signal;
    },
  );
}

syscall("kill", ["int", "int"], [KILL_SOMETHING_INFO], (k, pid = 0, signal = 0) => {
  if (!sendsInReplay(k)) k.call(FIND_VPID, pid);
  return sends(k, signal, SI_USER, (info) => k.call(KILL_SOMETHING_INFO, signal, info, pid));
});
const DO_TKILL: FunctionRef = behaviour(
  "do_tkill",
  [DO_SEND_SPECIFIC],
  (k, tgid = 0, pid = 0, signal = 0) => {
    return sends(k, signal, SI_TKILL, (info) => k.call(DO_SEND_SPECIFIC, tgid, pid, signal, info));
  },
);
syscall("tkill", ["int", "int"], [DO_TKILL], (k, pid = 0, signal = 0) => {
  return pid <= 0 ? -EINVAL : k.call(DO_TKILL, 0, pid, signal);
});
syscall("tgkill", ["int", "int", "int"], [DO_TKILL], (k, tgid = 0, pid = 0, signal = 0) => {
  return pid <= 0 || tgid <= 0 ? -EINVAL : k.call(DO_TKILL, tgid, pid, signal);
});
syscall(
  "rt_sigqueueinfo",
  ["int", "int", "ulong"],
  [FIND_VPID, KILL_PID_INFO],
  (k, pid = 0, signal = 0, uinfo = 0) => {
    return withUserInfo(
      k,
      signal,
      uinfo,
      pid,
      (info) => k.call(KILL_PID_INFO, signal, info, k.call(FIND_VPID, pid)),
    );
  },
);
syscall(
  "rt_tgsigqueueinfo",
  ["int", "int", "int", "ulong"],
  [DO_SEND_SPECIFIC],
  (k, tgid = 0, pid = 0, signal = 0, uinfo = 0) => {
    if (pid <= 0 || tgid <= 0) return -EINVAL;
    return withUserInfo(k, signal, uinfo, pid, (info) => k.call(DO_SEND_SPECIFIC, tgid, pid, signal, info));
  },
);

const SS_ONSTACK = 1;
const SS_DISABLE = 2;
/** `struct sigaltstack`: ss_sp, ss_flags, ss_size. Its smallest stack. */
const MINSIGSTKSZ = { x86_64: 2048, arm64: 5120, i386: 2048 } as const;
syscall("sigaltstack", ["ulong", "ulong"], [], (k, uss = 0, uoss = 0) => {
  const { address } = k.current;
  const w = word(k);
  const on = onAltStack(k, k.current, k.current.signalFrames.at(-1)?.address ?? stackPointer(k, k.current));
  const size = TASK_SIGNAL.altSize.get(k, address);
  const old = [TASK_SIGNAL.altSp.get(k, address), size === 0 ? SS_DISABLE : on ? SS_ONSTACK : 0, size];
  if (uss !== 0) {
    const sp = loadUser(k, uss, w, true);
    const flags = loadUser(k, uss + w, 4, true);
    const wanted = loadUser(k, uss + 2 * w, w, false);
    if (Number.isNaN(sp + flags + wanted)) return fault(k);
    if (on) return -EPERM;
    const mode = flags & 0x7fffffff;
    if (mode !== SS_DISABLE && mode !== SS_ONSTACK && mode !== 0) return -EINVAL;
    if (mode !== SS_DISABLE && wanted < MINSIGSTKSZ[k.archName]) return recordedOr(k, -ENOMEM);
    TASK_SIGNAL.altSp.set(k, address, mode === SS_DISABLE ? 0 : sp);
    TASK_SIGNAL.altSize.set(k, address, mode === SS_DISABLE ? 0 : wanted);
    TASK_SIGNAL.altFlags.set(k, address, flags);
  }
  if (uoss === 0) return 0;
  if (!mayStore(k, uoss, 3 * w)) return fault(k);
  k.memory.writeWord(uoss, old[0] ?? 0);
  k.memory.store(uoss + w, 4, old[1] ?? 0);
  k.memory.writeWord(uoss + 2 * w, old[2] ?? 0);
  return 0;
});

syscall("pidfd_open", ["int", "uint"], [FIND_VPID, PIDFD_PREPARE], (k, pid = 0, flags = 0) => {
  if ((flags & ~0o4000) !== 0 || pid <= 0) return -EINVAL;
  const struct = k.call(FIND_VPID, pid);
  if (struct === 0) {
    if (recorded(k) === undefined || recordedOr(k, 0) < 0) return -ESRCH;
    return k.call(PIDFD_PREPARE, TASK.threadPid.get(k, k.current.address), flags);
  }
  const task = k.tasks.byPid(pid);
  if (task !== undefined && task.leader !== task) return -EINVAL;
  return k.call(PIDFD_PREPARE, struct, flags);
});
syscall(
  "pidfd_send_signal",
  ["int", "int", "ulong", "uint"],
  [KILL_PID_INFO],
  (k, fd = 0, signal = 0, uinfo = 0, flags = 0) => {
    if (flags !== 0) return -EINVAL;
    const file = fileOf(k, fd);
    if (file === undefined || file.ops !== PIDFD) return -EBADF;
    const task = pidfdTask(k, file.address);
    if (task === undefined) return -ESRCH;
    const struct = TASK.threadPid.get(k, task.address);
    if (uinfo === 0) return sends(k, signal, SI_USER, (info) => k.call(KILL_PID_INFO, signal, info, struct));
    return withUserInfo(k, signal, uinfo, task.pid, (info) => k.call(KILL_PID_INFO, signal, info, struct));
  },
);

/** Sends what `send` does, with the sender's ids. In a replay a call that failed sends nothing. */
function sends(k: Kernel, signo: number, code: number, send: (info: number) => number): number {
  const { current } = k;
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  return withSiginfo(k, { signo, code, pid: current.tgid, uid: current.uid }, send);
}

function withUserInfo(
  k: Kernel,
  signo: number,
  uinfo: number,
  pid: number,
  send: (info: number) => number,
): number {
  const outcome = recorded(k);
  if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
  const code = loadUser(k, uinfo + 8, 4, true);
  if (Number.isNaN(code)) {
    return outcome === undefined ? -EFAULT : sends(k, signo, SI_QUEUE, send);
  }
  if ((code >= 0 || code === SI_TKILL) && pid !== k.current.tgid && outcome === undefined) return -EPERM;
  return withSiginfo(k, { signo, code }, (at) => {
    k.memory.writeBytes(at, k.memory.readBytes(uinfo, siginfoSize(k)));
    k.memory.store(at, 4, signo);
    return send(at);
  });
}

function* untilSignal(k: Kernel): Blocking<void> {
  const task = k.current;
  if (recorded(k) !== undefined) {
    if (k.clock.now < recordedWake(k)) yield* sleep(k, "recorded", TASK_INTERRUPTIBLE, SCHEDULE);
    return;
  }
  while (!signalPending(k, task)) yield* sleep(k, {}, TASK_INTERRUPTIBLE, SCHEDULE);
}

function* suspend(k: Kernel, given: bigint | null): Blocking<number> {
  if (given === null) return fault(k);
  const mark = k.current.locals;
  const set = pushLocal(k, 8);
  writeSet(k, set, given);
  const result = yield* k.calls.callBlocking(SIGSUSPEND, set);
  popLocals(k, mark);
  return result;
}

/** Signals that wait and are blocked. */
function waiting(k: Kernel): bigint {
  const { address } = k.current;
  return (pendingSet(k, privatePending(k, address)) | pendingSet(k, sharedPending(k, address))) &
    blockedOf(k, address);
}

function withSet(k: Kernel, set: bigint, body: (at: number) => number): number {
  const mark = k.current.locals;
  const at = pushLocal(k, 8);
  writeSet(k, at, set);
  const result = body(at);
  popLocals(k, mark);
  return result;
}

/** Runs `body` with copies of the user's two actions in kernel memory. */
function withAction(
  k: Kernel,
  act: number,
  oact: number,
  body: (kact: number, koact: number) => number,
): number {
  const size = sizeOfStruct(k, "k_sigaction");
  const mark = k.current.locals;
  const [kact, koact] = [pushLocal(k, size), pushLocal(k, size)];
  let error = 0;
  if (act !== 0) {
    if (Number.isNaN(loadUser(k, act, 4, false) + loadUser(k, act + size - 4, 4, false))) {
      error = fault(k, act);
    } else k.memory.writeBytes(kact, k.memory.readBytes(act, size));
  }
  if (error === 0) error = body(act === 0 ? 0 : kact, oact === 0 ? 0 : koact);
  if (error === 0 && oact !== 0) {
    if (!mayStore(k, oact, size)) error = fault(k);
    else k.memory.writeBytes(oact, k.memory.readBytes(koact, size));
  }
  popLocals(k, mark);
  return error;
}

function copyInfo(k: Kernel, info: number, uinfo: number): void {
  k.memory.fill(uinfo, SI_MAX_SIZE, 0);
  k.memory.writeBytes(uinfo, k.memory.readBytes(info, siginfoSize(k)));
}

/** -EFAULT, but in a replay, where what lay there is not always known. */
function fault(k: Kernel, _at = 0): number {
  return recorded(k) === undefined ? -EFAULT : 0;
}
