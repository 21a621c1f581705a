/**
 * One line of a recording, and one recorded event after unfinished calls were joined with their ends.
 *
 * @module
 */

import type { StraceArgument, StraceValue } from "./value.ts";

/** What stands after `=`: the result of a recorded call. */
export interface StraceResult {
  /** The returned word; NaN for `?`, which is what calls get that never return, and calls that a signal will restart. */
  readonly value: number;
  /** `ENOENT`, `ERESTARTSYS`; absent for success. */
  readonly errno?: string;
  /** The text in parentheses: `No such file or directory`, `Timeout`, `flags O_RDWR|O_LARGEFILE`. */
  readonly detail?: string;
}

/** A line of a recording as it stands. `time` is in nanoseconds on the recording's own clock. */
export type StraceLine =
  | {
    readonly kind: "call";
    readonly head: LineHead;
    readonly name: string;
    readonly text: string;
    /** Where the first argument begins in `text`. */
    readonly argsAt: number;
    readonly unfinished: boolean;
  }
  | { readonly kind: "resumed"; readonly head: LineHead; readonly name: string; readonly rest: string }
  | { readonly kind: "signal"; readonly head: LineHead; readonly signal: string; readonly text: string }
  | { readonly kind: "stopped"; readonly head: LineHead; readonly signal: string }
  | { readonly kind: "exited"; readonly head: LineHead; readonly status: number }
  | {
    readonly kind: "killed";
    readonly head: LineHead;
    readonly signal: string;
    readonly coreDumped: boolean;
  }
  | { readonly kind: "superseded"; readonly head: LineHead; readonly by: number }
  /** A remark of strace itself, a stack line of `-k`, a blank line. */
  | { readonly kind: "chatter" }
  | { readonly kind: "malformed"; readonly reason: string };

/** What begins a line. */
export interface LineHead {
  /** 0 where the recording names none (strace without `-f`). */
  readonly pid: number;
  /** Command name, under `strace -Y`. */
  readonly comm?: string;
  /** Nanoseconds on the recording's clock; NaN where the line has no time stamp. */
  readonly time: number;
  /** Which of strace's options made the stamp. */
  readonly clock: ClockKind;
}

/** `epoch` (-ttt), `day` (-tt, -t), `relative` (-r), `none`. */
export type ClockKind = "epoch" | "day" | "relative" | "none";

/** A recorded system call, whole. */
export interface RecordedCall {
  readonly kind: "call";
  readonly pid: number;
  /** Nanoseconds since the first line of the recording. */
  readonly time: number;
  /** Line it began on, from 1. */
  readonly line: number;
  readonly name: string;
  readonly args: readonly StraceArgument[];
  readonly result: StraceResult;
  /** Nanoseconds in the kernel; undefined where the recording has none. Of a call without end: up to the next event. */
  readonly duration: number | undefined;
  /** Other processes' lines stood between its begin and its end. */
  readonly interrupted: boolean;
  /** Its end is not in the recording: the process died in it, or the recording stopped. */
  readonly cutShort: boolean;
}

/** A signal that was delivered. */
export interface RecordedSignal {
  readonly kind: "signal";
  readonly pid: number;
  readonly time: number;
  readonly line: number;
  /** `SIGCHLD` */
  readonly signal: string;
  readonly info: StraceValue;
}

/** The end of a process. */
export interface RecordedExit {
  readonly kind: "exit";
  readonly pid: number;
  readonly time: number;
  readonly line: number;
  /** Exit status, 0 to 255; undefined when a signal killed it. */
  readonly status?: number;
  /** The signal that killed it. */
  readonly signal?: string;
  readonly coreDumped: boolean;
}

/** One thing that happened to one process. */
export type RecordedEvent = RecordedCall | RecordedSignal | RecordedExit;
