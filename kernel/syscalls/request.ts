/**
 * A system call that a task makes, and what a recording knows of its outcome.
 *
 * @module
 */

/** What `stat` and its family were recorded to return of a file; absent fields were not printed. */
export interface RecordedStat {
  /** `st_mode`, type bits and permissions. */
  readonly mode?: number;
  /** `st_size` in bytes. */
  readonly size?: number;
  /** `st_rdev`, major << 20 | minor, as the kernel keeps it. */
  readonly rdev?: number;
}

/** The other end, as `accept`, `recvfrom` and their kin were recorded to tell it. */
export interface RecordedPeer {
  /** As text: `127.0.0.1`, `::1`; empty for families without addresses. */
  readonly address: string;
  readonly port: number;
  /** The bytes of the `sockaddr`. */
  readonly bytes: Uint8Array;
}

/** How a recorded system call ended. In a replay this decides; the behaviours take it where it originates. */
export interface RecordedOutcome {
  /** Return value; -errno for a failure. */
  readonly ret: number;
  readonly durationNs: number;
  /** Other tasks ran meanwhile (the recording shows it unfinished and resumed). */
  readonly interrupted: boolean;
  /** Bytes that a read returned, as far as they were printed. */
  readonly data?: Uint8Array | undefined;
  readonly stat?: RecordedStat | undefined;
  /** Descriptors that the call stored through a pointer: `pipe`, `socketpair`. */
  readonly fds?: readonly number[] | undefined;
  /** Wait status that `wait4` stored. */
  readonly status?: number | undefined;
  /** The child that `waitid` told of. */
  readonly child?: number | undefined;
  /** False for a program that `execve` loaded without an interpreter: it has its libraries in itself. */
  readonly interpreted?: boolean | undefined;
  /** Address that the call stored: `accept`, `recvfrom`, `getsockname`. */
  readonly peer?: RecordedPeer | undefined;
  /** Entries of a directory that `getdents` gave. */
  readonly entries?: number | undefined;
  /** Text that the call stored: `getcwd`, `readlink`. */
  readonly text?: string | undefined;
}

/** One system call: its name in this architecture's table, and its arguments as words. */
export interface SyscallRequest {
  readonly name: string;
  readonly args: readonly number[];
  readonly recorded?: RecordedOutcome;
  /** The call of the table that it is made through: i386's `socketcall`, and that one's arguments. */
  readonly via?: { readonly name: string; readonly args: readonly number[] } | undefined;
}
