/**
 * What the kernel says about a refused probe event, by the kernel's own names.
 *
 * @module
 */

/** Texts of `trace_probe.h`. */
const PROBE_ERRORS = {
  FILE_NOT_FOUND: "Failed to find the given file",
  NO_REGULAR_FILE: "Not a regular file",
  BAD_REFCNT: "Invalid reference counter offset",
  REFCNT_OPEN_BRACE: "Reference counter brace is not closed",
  BAD_REFCNT_SUFFIX: "Reference counter has wrong suffix",
  BAD_UPROBE_OFFS: "Invalid uprobe offset",
  BAD_FILE_OFFS: "Invalid file offset value",
  SYM_ON_UPROBE: "Symbol is not available with uprobe",
  FILE_ON_KPROBE: "File offset is not available with kprobe",
  NON_UNIQ_SYMBOL: "The symbol is not unique",
  BAD_RETPROBE: "Retprobe address must be an function entry",
  BAD_ADDR_SUFFIX: "Invalid probed address suffix",
  NO_GROUP_NAME: "Group name is not specified",
  GROUP_TOO_LONG: "Group name is too long",
  BAD_GROUP_NAME: "Group name must follow the same rules as C identifiers",
  NO_EVENT_NAME: "Event name is not specified",
  EVENT_TOO_LONG: "Event name is too long",
  BAD_EVENT_NAME: "Event name must follow the same rules as C identifiers",
  EVENT_EXIST: "Given group/event name is already used by another event",
  RETVAL_ON_PROBE: "$retval is not available on probe",
  BAD_STACK_NUM: "Invalid stack number",
  BAD_ARG_NUM: "Invalid argument number",
  BAD_VAR: "Invalid $-variable specified",
  BAD_REG_NAME: "Invalid register name",
  BAD_MEM_ADDR: "Invalid memory address",
  BAD_IMM: "Invalid immediate value",
  IMMSTR_NO_CLOSE: "String is not closed with '\"'",
  DEREF_NEED_BRACE: "Dereference needs a brace",
  BAD_DEREF_OFFS: "Invalid dereference offset",
  DEREF_OPEN_BRACE: "Dereference brace is not closed",
  COMM_CANT_DEREF: "$comm can not be dereferenced",
  BAD_FETCH_ARG: "Invalid fetch argument",
  ARRAY_NO_CLOSE: "Array is not closed",
  BAD_ARRAY_SUFFIX: "Array has wrong suffix",
  BAD_ARRAY_NUM: "Invalid array size",
  ARRAY_TOO_BIG: "Array number is too big",
  BAD_TYPE: "Unknown type is specified",
  BAD_STRING: "String accepts only memory argument",
  BAD_SYMSTRING: "Symbol String doesn't accept data/userdata",
  BAD_BITFIELD: "Invalid bitfield",
  ARG_NAME_TOO_LONG: "Argument name is too long",
  NO_ARG_NAME: "Argument name is not specified",
  BAD_ARG_NAME: "Argument name must follow the same rules as C identifiers",
  USED_ARG_NAME: "This argument name is already used",
  ARG_TOO_LONG: "Argument expression is too long",
  NO_ARG_BODY: "No argument expression",
  BAD_INSN_BNDRY: "Probe point is not an instruction boundary",
  FAIL_REG_PROBE: "Failed to register probe event",
  DIFF_PROBE_TYPE: "Probe type is different from existing probe",
  DIFF_ARG_TYPE: "Argument type or name is different from existing probe",
  SAME_PROBE: "There is already the exact same probe event",
  MAXACT_NO_KPROBE: "Maxactive is not for kprobe",
  BAD_MAXACT: "Invalid maxactive number",
  MAXACT_TOO_BIG: "Maxactive is too big",
  BAD_PROBE_ADDR: "Invalid probed address or symbol",
  TOO_MANY_OPS: "Dereference is too much nested",
  EVENT_TOO_BIG: "Event too big (too many fields?)",
} as const;

/** A message's name in the kernel. */
export type ProbeError = keyof typeof PROBE_ERRORS;

/** Debian's last 6.1 kernel that misspells a word (`6.1.0-50` is 6.1.176). */
const LAST_MISSPELT_ABI = 50;

/** The text of a message in a kernel of that release (`6.1.0-56-amd64`). */
export function probeErrorText(error: ProbeError, release: string): string {
  const abi = Number(/^6\.1\.0-(\d+)/.exec(release)?.[1] ?? Infinity);
  if (error === "BAD_VAR" && abi <= LAST_MISSPELT_ABI) return "Invalid $-valiable specified";
  return PROBE_ERRORS[error];
}
