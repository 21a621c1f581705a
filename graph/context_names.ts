/**
 * The names that a context has.
 *
 * @module
 */

import { FUNCTION_NAMES } from "./functions/names.ts";
import type { BuiltinName } from "./nodes.ts";

/** Those that are values. */
export const BUILTIN_NAMES: readonly BuiltinName[] = [
  "pid",
  "tid",
  "uid",
  "gid",
  "comm",
  "cpu",
  "nsecs",
  "elapsed",
  "func",
  "probe",
  "retval",
  "duration",
  "curtask",
  "registers",
  "ppid",
  "pcomm",
  "ncpus",
  "jiffies",
  "rand",
  "cgroup",
  "usermode",
  "probetype",
  "numaid",
];

/** Those that are called. */
export const CONTEXT_FUNCTIONS = [
  "arg",
  "reg",
  "kstack",
  "ustack",
  "str",
  "ksym",
  "usym",
  "print",
  "exit",
  ...FUNCTION_NAMES,
] as const;

/** All of them; `args` and `regs` have members. */
export const CONTEXT_NAMES: readonly string[] = [
  ...BUILTIN_NAMES,
  ...CONTEXT_FUNCTIONS,
  "args",
  "regs",
  "entry",
];
