/**
 * `kernel_siginfo`: what is known of a signal that was sent.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { sizeOfStruct } from "../process/objects.ts";

/** Bytes of `siginfo_t` in user memory. */
export const SI_MAX_SIZE = 128;

/** A signal's information; what is not named is 0. */
export interface Siginfo {
  readonly signo: number;
  readonly errno?: number;
  readonly code: number;
  /** Sender, or child; of a timer its id. */
  readonly pid?: number;
  /** Sender's or child's user id; of a timer the overruns. */
  readonly uid?: number;
  /** A child's exit status or signal. */
  readonly status?: number;
  /** A child's times in clock ticks. */
  readonly utime?: number;
  readonly stime?: number;
  /** A fault's address. */
  readonly addr?: Addr;
  /** What `sigqueue` and timers pass on. */
  readonly value?: number;
}

/** Bytes of a `kernel_siginfo`. */
export function siginfoSize(k: Kernel): number {
  return sizeOfStruct(k, "kernel_siginfo");
}

/** Offset of `_sifields`. */
function fields(k: Kernel): number {
  return k.image.pointerSize === 8 ? 16 : 12;
}

/** Writes a `kernel_siginfo`; its whole size. */
export function writeSiginfo(k: Kernel, at: Addr, info: Siginfo): void {
  const { memory } = k;
  const word = k.image.pointerSize;
  memory.fill(at, siginfoSize(k), 0);
  memory.store(at, 4, info.signo);
  memory.store(at + 4, 4, info.errno ?? 0);
  memory.store(at + 8, 4, info.code);
  const base = at + fields(k);
  if (info.addr !== undefined) {
    memory.writeWord(base, info.addr);
    return;
  }
  memory.store(base, 4, info.pid ?? 0);
  memory.store(base + 4, 4, info.uid ?? 0);
  if (info.status !== undefined) {
    memory.store(base + 8, 4, info.status);
    memory.store(base + 8 + word, word, info.utime ?? 0);
    memory.store(base + 8 + 2 * word, word, info.stime ?? 0);
  } else if (info.value !== undefined) memory.store(base + 8, word, info.value);
}

/** `si_signo`. */
export function siSigno(k: Kernel, at: Addr): number {
  return k.memory.load(at, 4, true);
}

/** `si_errno`. */
export function siErrno(k: Kernel, at: Addr): number {
  return k.memory.load(at + 4, 4, true);
}

/** `si_code`. */
export function siCode(k: Kernel, at: Addr): number {
  return k.memory.load(at + 8, 4, true);
}

/** `si_pid`. */
export function siPid(k: Kernel, at: Addr): number {
  return k.memory.load(at + fields(k), 4, true);
}

/** `si_uid`. */
export function siUid(k: Kernel, at: Addr): number {
  return k.memory.load(at + fields(k) + 4, 4, false);
}

/** `si_status`. */
export function siStatus(k: Kernel, at: Addr): number {
  return k.memory.load(at + fields(k) + 8, 4, true);
}

/** `si_addr`. */
export function siAddr(k: Kernel, at: Addr): Addr {
  return k.memory.readPointer(at + fields(k));
}

/** `si_value` as a word. */
export function siValue(k: Kernel, at: Addr): number {
  return k.memory.load(at + fields(k) + 8, k.image.pointerSize, true);
}
