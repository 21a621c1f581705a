/**
 * Signals by number, what they do by default, and the flags around them. The same on x86_64, arm64 and i386.
 *
 * @module
 */

/** Highest signal number. */
export const NSIG = 64;
/** First real-time signal: from here on each sending is queued. */
export const SIGRTMIN = 32;

/** `SIGHUP`. */
export const SIGHUP = 1;
/** `SIGQUIT`. */
export const SIGQUIT = 3;
/** `SIGILL`. */
export const SIGILL = 4;
/** `SIGTRAP`. */
export const SIGTRAP = 5;
/** `SIGBUS`. */
export const SIGBUS = 7;
/** `SIGFPE`. */
export const SIGFPE = 8;
/** `SIGKILL`. */
export const SIGKILL = 9;
/** `SIGSEGV`. */
export const SIGSEGV = 11;
/** `SIGPIPE`. */
export const SIGPIPE = 13;
/** `SIGALRM`. */
export const SIGALRM = 14;
/** `SIGCHLD`. */
export const SIGCHLD = 17;
/** `SIGCONT`. */
export const SIGCONT = 18;
/** `SIGSTOP`. */
export const SIGSTOP = 19;
/** `SIGTSTP`. */
export const SIGTSTP = 20;
/** `SIGTTIN`. */
export const SIGTTIN = 21;
/** `SIGTTOU`. */
export const SIGTTOU = 22;
/** `SIGIO`. */
export const SIGIO = 29;
/** `SIGVTALRM`. */
export const SIGVTALRM = 26;
/** `SIGPROF`. */
export const SIGPROF = 27;
/** `SIGSYS`. */
export const SIGSYS = 31;

/** A set of signals: bit n - 1 is signal n. */
export type Sigset = bigint;

const BITS: readonly Sigset[] = Array.from(
  { length: NSIG + 1 },
  (_, i) => i === 0 ? 0n : 1n << BigInt(i - 1),
);

/** The set of one signal; empty for what is none. */
export function sigmask(signal: number): Sigset {
  return BITS[signal] ?? 0n;
}

function setOf(...signals: readonly number[]): Sigset {
  return signals.reduce((set, signal) => set | sigmask(signal), 0n);
}

/** Signals that nobody can block, catch or ignore. */
export const SIG_KERNEL_ONLY: Sigset = setOf(SIGKILL, SIGSTOP);
/** Signals that stop by default. */
export const SIG_KERNEL_STOP: Sigset = setOf(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
/** Signals that do nothing by default: SIGCONT, SIGCHLD, SIGWINCH, SIGURG. */
export const SIG_KERNEL_IGNORE: Sigset = setOf(SIGCONT, SIGCHLD, 28, 23);
/** Signals that dump core by default. */
export const SIG_KERNEL_COREDUMP: Sigset = setOf(
  SIGQUIT,
  SIGILL,
  SIGTRAP,
  6,
  SIGFPE,
  SIGSEGV,
  SIGBUS,
  SIGSYS,
  24,
  25,
);
/** Signals raised by what a task does itself: taken before all others. */
export const SYNCHRONOUS: Sigset = setOf(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS);

/** Whether a signal is in a set. */
export function inSet(set: Sigset, signal: number): boolean {
  return (set & sigmask(signal)) !== 0n;
}

/** The lowest signal of a set, synchronous ones first; 0 when it is empty (`next_signal`). */
export function firstOf(set: Sigset): number {
  const chosen = (set & SYNCHRONOUS) !== 0n ? set & SYNCHRONOUS : set;
  if (chosen === 0n) return 0;
  const low = Number(chosen & 0xffffffffn);
  if (low !== 0) return 32 - Math.clz32(low & -low);
  const high = Number(chosen >> 32n);
  return 64 - Math.clz32(high & -high);
}

/** `sa_handler`: the default action. */
export const SIG_DFL = 0;
/** `sa_handler`: nothing happens. */
export const SIG_IGN = 1;

/** `sa_flags`. */
export const SA_NOCLDSTOP = 0x1;
/** `SA_NOCLDWAIT`. */
export const SA_NOCLDWAIT = 0x2;
/** `SA_SIGINFO`. */
export const SA_SIGINFO = 0x4;
/** `SA_ONSTACK`. */
export const SA_ONSTACK = 0x08000000;
/** `SA_RESTART`. */
export const SA_RESTART = 0x10000000;
/** `SA_NODEFER`. */
export const SA_NODEFER = 0x40000000;
/** `SA_RESETHAND`. */
export const SA_RESETHAND = 0x80000000;

/** `si_code`: sent by `kill`. */
export const SI_USER = 0;
/** Sent by the kernel. */
export const SI_KERNEL = 0x80;
/** Sent by `sigqueue`. */
export const SI_QUEUE = -1;
/** Sent by a timer. */
export const SI_TIMER = -2;
/** Sent by `tkill`. */
export const SI_TKILL = -6;
/** A child: exited, was killed, dumped core, stopped, goes on. */
export const CLD_EXITED = 1;
/** `CLD_KILLED`. */
export const CLD_KILLED = 2;
/** `CLD_DUMPED`. */
export const CLD_DUMPED = 3;
/** `CLD_STOPPED`. */
export const CLD_STOPPED = 5;
/** `CLD_CONTINUED`. */
export const CLD_CONTINUED = 6;
/** A fault: nothing is mapped there, or not for this access. */
export const SEGV_MAPERR = 1;
/** `SEGV_ACCERR`. */
export const SEGV_ACCERR = 2;

/** `info` of `send_sig_info`: from a user, without more. */
export const SEND_SIG_NOINFO = 0;
/** `info` of `send_sig_info`: from the kernel. */
export const SEND_SIG_PRIV = 1;

/** `signal->flags`. */
export const SIGNAL_STOP_STOPPED = 0x1;
/** `SIGNAL_STOP_CONTINUED`. */
export const SIGNAL_STOP_CONTINUED = 0x2;
/** `SIGNAL_GROUP_EXIT`. */
export const SIGNAL_GROUP_EXIT = 0x4;
/** `SIGNAL_CLD_STOPPED`. */
export const SIGNAL_CLD_STOPPED = 0x10;
/** `SIGNAL_CLD_CONTINUED`. */
export const SIGNAL_CLD_CONTINUED = 0x20;
/** Of init: only signals that it has a handler for do anything. */
export const SIGNAL_UNKILLABLE = 0x40;
/** `SIGNAL_STOP_MASK`. */
export const SIGNAL_STOP_MASK: number = SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED | SIGNAL_STOP_STOPPED |
  SIGNAL_STOP_CONTINUED;

/** `task->jobctl`: the signal that the stop is for, and what is under way. */
export const JOBCTL_STOP_SIGMASK = 0xffff;
/** `JOBCTL_STOP_DEQUEUED`. */
export const JOBCTL_STOP_DEQUEUED = 0x10000;
/** `JOBCTL_STOP_PENDING`. */
export const JOBCTL_STOP_PENDING = 0x20000;
/** `JOBCTL_STOP_CONSUME`. */
export const JOBCTL_STOP_CONSUME = 0x40000;
/** `JOBCTL_STOPPED`. */
export const JOBCTL_STOPPED = 0x4000000;
/** `JOBCTL_PENDING_MASK`. */
export const JOBCTL_PENDING_MASK: number = JOBCTL_STOP_PENDING;

/** `pid_type`: one task, a process, a process group, a session. */
export const PIDTYPE_PID = 0;
/** `PIDTYPE_TGID`. */
export const PIDTYPE_TGID = 1;
/** `PIDTYPE_PGID`. */
export const PIDTYPE_PGID = 2;
/** `PIDTYPE_SID`. */
export const PIDTYPE_SID = 3;
