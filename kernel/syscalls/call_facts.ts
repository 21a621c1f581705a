/**
 * What the name of a system call tells, looked up once per kernel: every call of a run asks for it.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { fn, type FunctionRef } from "../calls/function.ts";
import { hashName } from "../calls/kernel_function.ts";
import { tracepoint, type TracepointRef } from "../tracing/reference.ts";
import { FD_CALLS } from "./implied.ts";
import { isPassThrough } from "./pass_through.ts";
import { PATH_CALLS, type PathArgument } from "./path_calls.ts";

/** A system call of one kernel. */
export interface CallFacts {
  readonly number: number;
  /** Its entry function. */
  readonly ref: FunctionRef;
  /** Whether that has a model of its own. */
  readonly modeled: boolean;
  /** Whether its first argument is a descriptor that has to be open for it to succeed. */
  readonly onDescriptor: boolean;
  /** Whether it returns, if nobody recorded it and it succeeds, how much of its third argument it did; else that is 0. */
  readonly transfers: boolean;
  /** Its name as a number, for the choice of variants. */
  readonly nameHash: number;
  /** Its arguments that are paths. */
  readonly paths: readonly PathArgument[] | null;
  /** `syscalls:sys_enter_NAME` and `syscalls:sys_exit_NAME`, by the name that the entry function has. */
  readonly enter: TracepointRef;
  readonly exit: TracepointRef;
}

const TRANSFERS = /^(?:p?read(?:64)?|p?write(?:64)?|recvfrom|sendto|recv|send)$/;

/** Looks a system call up; `via`: the call of the table that it is made through, as i386's socket calls are. */
export function callFacts(image: KernelImage, name: string, via: string = name): CallFacts {
  const number = image.syscallNumber(via);
  const entry = image.syscallEntry(via);
  if (number === undefined || entry === undefined) {
    throw new Error(
      `Cannot make system call "${via}": the table of ${image.arch} has ${image.syscallNames().length} calls, ` +
        "but none of that name",
    );
  }
  const base = entry.replace(/^__[a-z0-9]+_sys_/, "");
  return {
    number,
    ref: fn(entry),
    modeled: !isPassThrough(entry),
    onDescriptor: FD_CALLS.has(name),
    transfers: TRANSFERS.test(name),
    nameHash: hashName(name),
    paths: PATH_CALLS.get(name) ?? null,
    enter: tracepoint(`syscalls:sys_enter_${base}`),
    exit: tracepoint(`syscalls:sys_exit_${base}`),
  };
}
