/**
 * How arguments change when one call stands for another.
 *
 * @module
 */

import { array, AT_FDCWD, flags, name, NULL, number, struct, text } from "./build_value.ts";
import type { RecordedCall } from "./record.ts";
import { type StraceValue, structField, valueAfter } from "./value.ts";

/** A call's arguments, in order. */
export type Args = readonly StraceValue[];

/** `value`, or what stands in for a missing argument. */
export function or(value: StraceValue | undefined, otherwise: StraceValue): StraceValue {
  return value ?? otherwise;
}

/** `newfstatat`'s arguments as i386's C library passes them to `statx`. */
export function statx(a: Args): Args {
  return [
    or(a[0], AT_FDCWD),
    or(a[1], text("")),
    flags(name("AT_STATX_SYNC_AS_STAT"), name("AT_NO_AUTOMOUNT"), or(a[3], number(0))),
    name("STATX_BASIC_STATS"),
    or(a[2], NULL),
  ];
}

/** `lseek`'s arguments as `_llseek` takes them: two words of offset, and where the position goes. */
export function llseek(a: Args, call: RecordedCall): Args {
  const position = call.result.value >= 0 ? call.result.value : 0;
  return [or(a[0], NULL), ...high(a[1]), array(number(position)), or(a[2], NULL)];
}

/** A 64-bit offset as `_llseek` takes it: the high word first. */
export function high(offset: StraceValue | undefined): Args {
  const value = offset?.kind === "number" ? offset.value : 0;
  const word = Math.floor(value / 2 ** 32);
  return [number(word | 0), number((value - word * 2 ** 32) | 0)];
}

/** `mmap`'s arguments with the offset in pages, as `mmap2` takes it. */
export function inPages(a: Args): Args {
  const offset = a[5];
  return offset?.kind === "number" ? [...a.slice(0, 5), number(Math.floor(offset.value / 4096))] : a;
}

/** `clone`'s named arguments in an architecture's order. */
export function byName(a: Args, call: RecordedCall, order: readonly string[]): Args {
  if (call.args.every((argument) => argument.name === undefined)) return a;
  return order.map((wanted) => call.args.find((argument) => argument.name === wanted)?.value ?? NULL);
}

/** i386's 64-bit record lock commands by their name elsewhere. */
export function fcntlCommand(value: StraceValue): StraceValue {
  return value.kind === "name" && /^F_(GETLK|SETLK|SETLKW)64$/.test(value.name)
    ? name(value.name.slice(0, -2))
    : value;
}

/** The number that a call left in a value; NaN where it is none. */
export function valueOf(value: StraceValue): number {
  const after = valueAfter(value);
  return after.kind === "number" ? after.value : NaN;
}

/** A timeout in milliseconds as a timespec; none for a negative one. */
export function milliseconds(timeout: StraceValue | undefined): StraceValue {
  if (timeout?.kind !== "number" || timeout.value < 0) return NULL;
  const seconds = Math.floor(timeout.value / 1000);
  return struct({ tv_sec: number(seconds), tv_nsec: number((timeout.value - seconds * 1000) * 1_000_000) });
}

/** A timeval. */
export function timeval(seconds: StraceValue, microseconds: StraceValue): StraceValue {
  return struct({ tv_sec: seconds, tv_usec: microseconds });
}

/** A timeval as the timespec that newer calls take. */
export function timespecOf(value: StraceValue | undefined): StraceValue {
  if (value?.kind !== "struct") return or(value, NULL);
  const microseconds = structField(value, "tv_usec");
  return struct({
    tv_sec: or(structField(value, "tv_sec"), number(0)),
    tv_nsec: microseconds?.kind === "number" ? number(microseconds.value * 1000) : number(0),
  });
}

/** Two timevals as timespecs. */
export function timevals(value: StraceValue | undefined): StraceValue {
  if (value?.kind !== "array") return or(value, NULL);
  return array(...value.items.map((item) => timespecOf(item.value)));
}

/** A utimbuf as two timespecs. */
export function utimbuf(value: StraceValue | undefined): StraceValue {
  if (value?.kind !== "struct") return or(value, NULL);
  const [access, modification] = ["actime", "modtime"].map((field) =>
    or(structField(value, field), number(0))
  );
  return array(
    struct({ tv_sec: access!, tv_nsec: number(0) }),
    struct({ tv_sec: modification!, tv_nsec: number(0) }),
  );
}

/** The descriptor table entry that i386's C library asks for. */
export function descriptor(base: StraceValue): StraceValue {
  return struct({
    entry_number: number(-1),
    base_addr: base,
    limit: number(0xfffff),
    seg_32bit: number(1),
    contents: number(0),
    read_exec_only: number(0),
    limit_in_pages: number(1),
    seg_not_present: number(0),
    useable: number(1),
  });
}
