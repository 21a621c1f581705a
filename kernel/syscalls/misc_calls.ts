/**
 * Small system calls: what a process tells the kernel about itself and asks about the machine.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { LOG_LEVELS } from "../printk/ring.ts";
import { recorded, recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { MemoryFault } from "../memory/fault.ts";
import { CAP_SYS_ADMIN, CAPS, nsCapable, SECURITY_CAPABLE } from "../process/capability.ts";
import { buildInfo } from "../release/build_info.ts";
import { SET_TASK_COMM } from "../process/exec.ts";
import { randomBytes } from "../process/getrandom.ts";
import { type Field, field } from "../process/objects.ts";
import { popLocals, pushLocal } from "../process/stack.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser, storeUserBytes } from "../process/user_store.ts";
import { TASK_SIGNAL } from "../signal/fields.ts";
import { NSIG } from "../signal/numbers.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from "./errno.ts";

/** Kinds of keys and such that a call of this kernel does not offer. */
const ALWAYS_FAILS: Readonly<Record<string, number>> = {
  // CONFIG_SYSFS_SYSCALL, CONFIG_USELIB and the like are off in the recorded kernels.
  uselib: ENOSYS,
  sysfs: ENOSYS,
  lookup_dcookie: EPERM,
  nfsservctl: ENOSYS,
};
for (const [name, errno] of Object.entries(ALWAYS_FAILS)) {
  syscall(name, ["ulong", "ulong", "ulong"], [], (k) => recordedOr(k, -errno));
}

const PDEATHSIG = { set: 1, get: 2 };
const DUMPABLE = { get: 3, set: 4 };
const KEEPCAPS = { get: 7, set: 8 };
const NAME = { set: 15, get: 16 };
const SECCOMP = { get: 21, set: 22 };
const CAPBSET = { read: 23, drop: 24 };
const TIMERSLACK = { set: 29, get: 30 };
const SUBREAPER = { set: 36, get: 37 };
const NO_NEW_PRIVS = { set: 38, get: 39 };
const TID_ADDRESS = 40;
const THP_DISABLE = { set: 41, get: 42 };
const CAP_AMBIENT = 47;
const SET_VMA = 0x53564d41;
const SET_PTRACER = 0x59616d61;
/** What `prctl` keeps in plain fields of `task_struct`. */
const SLACK = field("task_struct", "timer_slack_ns");
const DEFAULT_SLACK = field("task_struct", "default_timer_slack_ns");
/** Nanoseconds by which timers may be late. */
const SLACK_NS = 50_000;

interface Marks {
  dumpable: number;
  keepCaps: boolean;
  noNewPrivs: boolean;
  thpDisabled: boolean;
}
const marks = new WeakMap<object, Marks>();
function marksOf(k: Kernel): Marks {
  let found = marks.get(k.current);
  if (found === undefined) {
    marks.set(k.current, found = { dumpable: 1, keepCaps: false, noNewPrivs: false, thpDisabled: false });
  }
  return found;
}

syscall(
  "prctl",
  ["int", "ulong", "ulong", "ulong", "ulong"],
  [SET_TASK_COMM, fn("__get_task_comm"), fn("security_task_prctl"), SECURITY_CAPABLE],
  (k, option = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0) => {
    const { current } = k;
    const { address } = current;
    k.call(fn("security_task_prctl"), option, a2, a3, a4, a5);
    const own = marksOf(k);
    const unused = a3 === 0 && a4 === 0 && a5 === 0;
    switch (option) {
      case PDEATHSIG.set:
        if (a2 < 0 || a2 > NSIG) return -EINVAL;
        TASK_SIGNAL.pdeath.set(k, address, a2);
        return 0;
      case PDEATHSIG.get:
        return storeUser(k, a2, 4, TASK_SIGNAL.pdeath.get(k, address)) ? 0 : fault(k);
      case DUMPABLE.get:
        return recordedOr(k, own.dumpable);
      case DUMPABLE.set:
        if (a2 !== 0 && a2 !== 1) return -EINVAL;
        own.dumpable = a2;
        return 0;
      case KEEPCAPS.get:
        return recordedOr(k, own.keepCaps ? 1 : 0);
      case KEEPCAPS.set:
        if (a2 !== 0 && a2 !== 1) return -EINVAL;
        own.keepCaps = a2 === 1;
        return 0;
      case NAME.set:
        return setName(k, a2);
      case NAME.get: {
        k.call(fn("__get_task_comm"), Number.NaN, 16, address);
        const bytes = new Uint8Array(16);
        bytes.set(new TextEncoder().encode(current.comm).subarray(0, 15));
        return storeUserBytes(k, a2, bytes) ? 0 : fault(k);
      }
      case SECCOMP.get:
        return recordedOr(k, 0);
      case SECCOMP.set:
        // Strict mode would need a filter here; asked for wrongly it says so.
        return recordedOr(k, a2 === 1 || a2 === 2 ? (a2 === 2 && a3 === 0 ? -EFAULT : 0) : -EINVAL);
      case CAPBSET.read:
        if (a2 < 0 || a2 > 40) return -EINVAL;
        return recordedOr(k, (capsOf(k, CAPS.bset) >> BigInt(a2) & 1n) !== 0n ? 1 : 0);
      case CAPBSET.drop:
        if (!nsCapable(k, 8)) return recordedOr(k, -EPERM);
        if (a2 < 0 || a2 > 40) return -EINVAL;
        k.memory.writeBig(CAPS.bset.at(k, current.cred), 8, capsOf(k, CAPS.bset) & ~(1n << BigInt(a2)));
        return 0;
      case TIMERSLACK.get:
        return recordedOr(k, slackOf(k));
      case TIMERSLACK.set:
        k.memory.store(SLACK.at(k, address), SLACK.size(k), a2 <= 0 ? SLACK_NS : a2);
        return 0;
      case SUBREAPER.set:
        if (a2 !== 0) k.tasks.subreapers.add(current.tgid);
        else k.tasks.subreapers.delete(current.tgid);
        return 0;
      case SUBREAPER.get:
        return storeUser(k, a2, 4, k.tasks.subreapers.has(current.tgid) ? 1 : 0) ? 0 : fault(k);
      case NO_NEW_PRIVS.set:
        if (a2 !== 1 || !unused) return -EINVAL;
        own.noNewPrivs = true;
        return 0;
      case NO_NEW_PRIVS.get:
        return a2 !== 0 || !unused ? -EINVAL : recordedOr(k, own.noNewPrivs ? 1 : 0);
      case TID_ADDRESS:
        return storeUser(k, a2, k.image.pointerSize, TID.get(k, address)) ? 0 : fault(k);
      case THP_DISABLE.set:
        if (!unused) return -EINVAL;
        own.thpDisabled = a2 !== 0;
        return 0;
      case THP_DISABLE.get:
        return a2 !== 0 || !unused ? -EINVAL : recordedOr(k, own.thpDisabled ? 1 : 0);
      case CAP_AMBIENT:
        return ambient(k, a2, a3);
      case SET_VMA:
        return recordedOr(k, a2 === 0 ? 0 : -EINVAL);
      case SET_PTRACER:
        // Yama is built in and takes it.
        return recordedOr(k, 0);
      default:
        return recordedOr(k, -EINVAL);
    }
  },
);
const TID = field("task_struct", "clear_child_tid");

function setName(k: Kernel, at: number): number {
  let text: string;
  try {
    if (!k.memory.isUser(at)) return fault(k);
    text = k.memory.readString(at, 16);
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return fault(k);
  }
  const mark = k.current.locals;
  const buffer = pushLocal(k, 16);
  const bytes = new Uint8Array(16);
  bytes.set(new TextEncoder().encode(text).subarray(0, 15));
  k.memory.writeBytes(buffer, bytes);
  k.call(SET_TASK_COMM, k.current.address, buffer, 0);
  popLocals(k, mark);
  return 0;
}

function slackOf(k: Kernel): number {
  const { address } = k.current;
  return SLACK.get(k, address) || DEFAULT_SLACK.get(k, address) || SLACK_NS;
}

function capsOf(k: Kernel, set: Field): bigint {
  return k.memory.readBig(set.at(k, k.current.cred), 8, false);
}

function ambient(k: Kernel, operation: number, cap: number): number {
  const { cred } = k.current;
  const bit = 1n << BigInt(Math.max(0, cap));
  const now = capsOf(k, CAPS.ambient);
  switch (operation) {
    case 4:
      k.memory.writeBig(CAPS.ambient.at(k, cred), 8, 0n);
      return 0;
    case 1:
      return recordedOr(k, (now & bit) !== 0n ? 1 : 0);
    case 2: {
      const both = capsOf(k, CAPS.permitted) & capsOf(k, CAPS.inheritable);
      if ((both & bit) === 0n) return recordedOr(k, -EPERM);
      k.memory.writeBig(CAPS.ambient.at(k, cred), 8, now | bit);
      return 0;
    }
    case 3:
      k.memory.writeBig(CAPS.ambient.at(k, cred), 8, now & ~bit);
      return 0;
    default:
      return recordedOr(k, -EINVAL);
  }
}

/** `struct __user_cap_header_struct` versions. */
const CAP_VERSIONS: Readonly<Record<number, number>> = { 0x19980330: 1, 0x20071026: 2, 0x20080522: 2 };
const CAP_LATEST = 0x20080522;
syscall("capget", ["ulong", "ulong"], [fn("security_capget")], (k, header = 0, data = 0) => {
  const words = capHeader(k, header, data);
  if (words <= 0) return data === 0 && words === -EINVAL ? 0 : recordedOr(k, words);
  const pid = loadUser(k, header + 4, 4, true);
  const task = pid === 0 ? k.current : k.tasks.byPid(pid);
  if (task === undefined) return recordedOr(k, -ESRCH);
  k.call(fn("security_capget"), task.address);
  if (data === 0) return 0;
  const sets = [CAPS.effective, CAPS.permitted, CAPS.inheritable];
  for (let i = 0; i < words; i++) {
    for (const [j, set] of sets.entries()) {
      const value = k.memory.load(set.at(k, task.cred) + 4 * i, 4, false);
      if (!storeUser(k, data + 12 * i + 4 * j, 4, value)) return fault(k);
    }
  }
  return 0;
});
syscall("capset", ["ulong", "ulong"], [fn("security_capset")], (k, header = 0, data = 0) => {
  const words = capHeader(k, header, 1);
  if (words <= 0) return recordedOr(k, words);
  const pid = loadUser(k, header + 4, 4, true);
  if (pid !== 0 && pid !== k.current.pid) return recordedOr(k, -EPERM);
  const values = [0n, 0n, 0n];
  for (let i = 0; i < words; i++) {
    for (let j = 0; j < 3; j++) {
      const value = loadUser(k, data + 12 * i + 4 * j, 4, false);
      if (Number.isNaN(value)) return fault(k);
      values[j] = (values[j] ?? 0n) | BigInt(value) << BigInt(32 * i);
    }
  }
  const [effective = 0n, permitted = 0n, inheritable = 0n] = values;
  const old = capsOf(k, CAPS.permitted);
  const grows = (permitted & ~old) !== 0n || (effective & ~permitted) !== 0n;
  if (grows && recorded(k) === undefined) return -EPERM;
  k.call(fn("security_capset"));
  const { cred } = k.current;
  k.memory.writeBig(CAPS.effective.at(k, cred), 8, effective);
  k.memory.writeBig(CAPS.permitted.at(k, cred), 8, permitted);
  k.memory.writeBig(CAPS.inheritable.at(k, cred), 8, inheritable);
  return 0;
});

/** How many 32-bit words a header's version has; -errno for an unknown one, which then tells the one that is known. */
function capHeader(k: Kernel, header: number, data: number): number {
  const version = loadUser(k, header, 4, false);
  if (Number.isNaN(version)) return -EFAULT;
  const words = CAP_VERSIONS[version];
  if (words !== undefined) return words;
  if (!storeUser(k, header, 4, CAP_LATEST)) return -EFAULT;
  return data === 0 ? 0 : -EINVAL;
}

/** x86_64: bases of segments that threads' own data lie behind. */
const ARCH = { setGs: 0x1001, setFs: 0x1002, getFs: 0x1003, getGs: 0x1004 };
const bases = new WeakMap<object, { fs: number; gs: number }>();
const DO_ARCH_PRCTL: FunctionRef = behaviour("do_arch_prctl_64", [], (k, _task, option = 0, value = 0) => {
  let own = bases.get(k.current);
  if (own === undefined) bases.set(k.current, own = { fs: 0, gs: 0 });
  switch (option) {
    case ARCH.setFs:
    case ARCH.setGs:
      if (!k.memory.isUser(value)) return -EPERM;
      own[option === ARCH.setFs ? "fs" : "gs"] = value;
      return 0;
    case ARCH.getFs:
    case ARCH.getGs:
      return storeUser(k, value, 8, option === ARCH.getFs ? own.fs : own.gs) ? 0 : fault(k);
    default:
      return recordedOr(k, -EINVAL);
  }
});
syscall(
  "arch_prctl",
  ["int", "ulong"],
  [DO_ARCH_PRCTL, fn("do_arch_prctl_common")],
  (k, option = 0, value = 0) => {
    const result = k.call(DO_ARCH_PRCTL, k.current.address, option, value);
    return result === -EINVAL ? recordedOr(k, result) : result;
  },
);
/** i386: an entry of the table that holds the thread's own data's segment. */
syscall("set_thread_area", ["ulong"], [fn("do_set_thread_area")], (k, info = 0) => {
  const entry = loadUser(k, info, 4, true);
  if (Number.isNaN(entry)) return fault(k);
  if (entry !== -1 && (entry < 6 || entry > 8)) return recordedOr(k, -EINVAL);
  k.call(fn("do_set_thread_area"), k.current.address, entry, info, 1);
  if (entry === -1 && !storeUser(k, info, 4, 6)) return fault(k);
  return 0;
});
syscall("get_thread_area", ["ulong"], [], (k) => recordedOr(k, 0));
syscall("modify_ldt", ["int", "ulong", "ulong"], [], (k) => recordedOr(k, 0));

/** `struct new_utsname`: six names of 65 bytes. */
function utsname(k: Kernel, size: number, parts: number): Uint8Array {
  const bytes = new Uint8Array(size * parts);
  const { version, machine } = buildInfo(k.image);
  const names = [
    "Linux",
    "(none)",
    k.image.release,
    version,
    machine,
    "(none)",
  ];
  names.slice(0, parts).forEach((text, i) => {
    bytes.set(new TextEncoder().encode(text).subarray(0, size - 1), i * size);
  });
  return bytes;
}
syscall("newuname", ["ulong"], [], (k, at = 0) => storeUserBytes(k, at, utsname(k, 65, 6)) ? 0 : fault(k));
syscall("uname", ["ulong"], [], (k, at = 0) => storeUserBytes(k, at, utsname(k, 65, 5)) ? 0 : fault(k));
syscall("olduname", ["ulong"], [], (k, at = 0) => storeUserBytes(k, at, utsname(k, 9, 5)) ? 0 : fault(k));
for (const name of ["sethostname", "setdomainname"]) {
  syscall(name, ["ulong", "int"], [SECURITY_CAPABLE], (k, _at, length = 0) => {
    if (!nsCapable(k, CAP_SYS_ADMIN)) return recordedOr(k, -EPERM);
    return length < 0 || length > 64 ? -EINVAL : 0;
  });
}

const DO_SYSINFO: FunctionRef = behaviour("do_sysinfo", [fn("si_meminfo"), fn("si_swapinfo")], (k) => {
  k.call(fn("si_meminfo"));
  k.call(fn("si_swapinfo"));
  return 0;
});
syscall("sysinfo", ["ulong"], [DO_SYSINFO], (k, at = 0) => {
  k.call(DO_SYSINFO);
  const w = k.image.pointerSize;
  let tasks = 0;
  for (const task of k.tasks.each()) if (task.exitCode === null) tasks++;
  const ram = 2 ** 31;
  // With 16 bits behind the point, not 11.
  const loads = k.load.averages.map((load) => load * 32);
  const words = [Math.floor(k.clock.now / 1e9), ...loads, ram, Math.floor(ram * 0.9), 0, 0, 0, 0];
  if (!words.every((value, i) => storeUser(k, at + i * w, w, value))) return fault(k);
  const rest = at + words.length * w;
  const stored = storeUser(k, rest, 2, Math.min(tasks, 0xffff)) &&
    storeUser(k, rest + 8 - (w === 4 ? 4 : 0), w, 0) &&
    storeUser(k, rest + (w === 8 ? 24 : 12), 4, 1);
  return stored ? 0 : fault(k);
});

const GRND = { nonblock: 1, random: 2, insecure: 4 };
const GET_RANDOM_BYTES_USER: FunctionRef = fn("get_random_bytes_user");
syscall(
  "getrandom",
  ["ulong", "ulong", "uint"],
  [GET_RANDOM_BYTES_USER],
  (k, buf = 0, count = 0, flags = 0) => {
    if ((flags & ~(GRND.nonblock | GRND.random | GRND.insecure)) !== 0) return -EINVAL;
    if ((flags & (GRND.random | GRND.insecure)) === (GRND.random | GRND.insecure)) return -EINVAL;
    const outcome = recorded(k);
    if (outcome !== undefined && outcome.ret < 0) return outcome.ret;
    k.call(GET_RANDOM_BYTES_USER);
    const wanted = outcome?.ret ?? Math.min(count, 0x2000000);
    const stored = storeUserBytes(k, buf, outcome?.data ?? randomBytes(k, Math.min(wanted, 65536)));
    return stored ? wanted : fault(k);
  },
);

const PERSONALITY = field("task_struct", "personality");
for (const name of ["personality", "arm64_personality"]) {
  syscall(name, ["uint"], [], (k, persona = 0) => {
    const old = PERSONALITY.get(k, k.current.address);
    if (persona >>> 0 !== 0xffffffff) PERSONALITY.set(k, k.current.address, persona);
    return recordedOr(k, old);
  });
}

/** The kernel log as a system call: sizes and levels; reading needs privilege. */
syscall("syslog", ["int", "ulong", "int"], [SECURITY_CAPABLE], (k, type = 0, buf = 0, length = 0) => {
  // Debian restricts all of it (`dmesg_restrict`).
  if (!nsCapable(k, 34) && recorded(k) === undefined) return -EPERM;
  if (type < 0 || type > 10 || length < 0) return -EINVAL;
  if (type === 10) return recordedOr(k, LOG_BYTES);
  if (type === 5) k.log.clear();
  if (type === 9) return recordedOr(k, logBytes(k).length);
  if (type < 2 || type > 4) return recordedOr(k, 0);
  if (buf === 0) return recordedOr(k, -EINVAL);
  // The newest records that fit, whole.
  const all = logBytes(k);
  let from = Math.max(0, all.length - length);
  while (from > 0 && from < all.length && all[from - 1] !== 0x0a) from++;
  const text = all.subarray(from);
  if (!storeUserBytes(k, buf, text)) return fault(k);
  if (type === 4) k.log.clear();
  return recordedOr(k, text.length);
});
const LOG_BYTES = 1 << 17;

/** The log as `syslog` gives it: each record behind its level and time. */
function logBytes(k: Kernel): Uint8Array {
  const lines = k.log.records().map(({ level, time, text }) => {
    const seconds = Math.floor(time / 1e9);
    const micros = String(Math.floor(time % 1e9 / 1000)).padStart(6, "0");
    return `<${LOG_LEVELS[level]}>[${String(seconds).padStart(5)}.${micros}] ${text}\n`;
  });
  return new TextEncoder().encode(lines.join(""));
}

/** Kernel keys are not configured to be found: there are none here. */
for (const name of ["add_key", "request_key", "keyctl"]) {
  syscall(name, ["ulong", "ulong", "ulong", "ulong", "ulong"], [], (k) => recordedOr(k, -ENOKEY));
}
const ENOKEY = 126;
/** Not modeled, as if configured off: programs do without. */
for (const name of ["io_uring_setup", "io_uring_enter", "io_uring_register"]) {
  syscall(name, ["ulong", "ulong", "ulong", "ulong", "ulong", "ulong"], [], (k) => recordedOr(k, -ENOSYS));
}
/** Debian's 6.1 lets only root do it: a program gets an error and does without. */
for (const name of ["bpf", "perf_event_open", "userfaultfd"]) {
  syscall(name, ["ulong", "ulong", "ulong", "ulong", "ulong"], [], (k) => recordedOr(k, -EPERM));
}
syscall("seccomp", ["uint", "uint", "ulong"], [], (k, operation = 0, flags = 0, args = 0) => {
  if (operation > 3) return recordedOr(k, -EINVAL);
  if (operation === 0) return recordedOr(k, flags !== 0 || args !== 0 ? -EINVAL : 0);
  return recordedOr(k, args === 0 ? -EFAULT : 0);
});
syscall("unshare", ["ulong"], [], (k, flags = 0) => recordedOr(k, flags === 0 ? 0 : -EPERM));
syscall("setns", ["int", "int"], [], (k) => recordedOr(k, -EPERM));
syscall("acct", ["ulong"], [], (k) => recordedOr(k, nsCapable(k, 20) ? 0 : -EPERM));
syscall(
  "reboot",
  ["int", "int", "uint", "ulong"],
  [],
  (k) => recordedOr(k, nsCapable(k, 22) ? -EINVAL : -EPERM),
);
syscall("vhangup", [], [], (k) => recordedOr(k, nsCapable(k, 26) ? 0 : -EPERM));
syscall("ptrace", ["long", "long", "ulong", "ulong"], [], (k, _request, pid = 0) => {
  return recordedOr(k, k.tasks.byPid(pid) === undefined ? -ESRCH : -EPERM);
});
for (const name of ["iopl", "ioperm"]) {
  syscall(name, ["ulong", "ulong", "int"], [], (k) => recordedOr(k, nsCapable(k, 17) ? 0 : -EPERM));
}

function fault(k: Kernel): number {
  return recordedOr(k, -EFAULT);
}
