/**
 * What a recording knows of a call's end, for the model: result, duration, and the data that came back.
 *
 * @module
 */

import { decodeAddress } from "../../kernel/net/address.ts";
import type { RecordedOutcome, RecordedPeer, RecordedStat } from "../../kernel/syscalls/request.ts";
import { sockaddrBytes } from "./sockaddr.ts";
import type { Arch } from "../../image/model.ts";
import type { AddressMap } from "./address_map.ts";
import { errnoValue } from "./constants/mod.ts";
import { evaluate, type NoteUnknown } from "./evaluate.ts";
import type { RecordedCall } from "./record.ts";
import type { TranslatedCall } from "./translate.ts";
import { type StraceValue, stringText, structField, valueAfter } from "./value.ts";
import { waitStatus } from "./wait_status.ts";

/** Kernel-internal error of a call that a signal broke off and that will be made again. */
const ERESTARTSYS = 512;
/** What a recording without `-T` leaves open: a call takes this long, in nanoseconds. */
export const DEFAULT_DURATION = 1000;

/** The outcome of `call` as `translated` ends on `arch`. */
export function recordedOutcome(
  call: RecordedCall,
  translated: TranslatedCall,
  arch: Arch,
  addresses: AddressMap,
  note: NoteUnknown,
): RecordedOutcome {
  const ret = returned(translated, addresses, note);
  const { args, name } = translated;
  const durationNs = call.duration ?? DEFAULT_DURATION;
  const { interrupted } = call;
  const succeeded = ret >= 0;
  return {
    ret,
    durationNs,
    interrupted,
    data: ret > 0 ? dataOf(name, args, ret) : undefined,
    stat: succeeded ? statOf(args, arch, note) : undefined,
    fds: succeeded ? descriptorsOf(name, args) : undefined,
    status: succeeded && (name === "wait4" || name === "waitpid") ? waitStatus(args[1]) : undefined,
    text: succeeded ? textOf(name, args) : undefined,
    peer: succeeded ? peerOf(name, args, arch, note) : undefined,
    entries: succeeded && name.startsWith("getdents") ? entriesOf(args[1]) : undefined,
  };
}

/** The result as the kernel returns it: -errno for failures. */
function returned(translated: TranslatedCall, addresses: AddressMap, note: NoteUnknown): number {
  const { value, errno, detail } = translated.result;
  if (errno !== undefined) {
    const number = errnoValue(errno);
    if (number !== undefined) return -number;
    note(errno, "no error of that name is known");
    return -1;
  }
  // `?` without a name: the call never returned.
  if (Number.isNaN(value)) return translated.name.startsWith("exit") ? 0 : -ERESTARTSYS;
  // A process made in a pid namespace is known by strace's own number, as all its lines are.
  const outside = detail === undefined ? null : /^\/\* ([0-9]+) in strace's PID NS \*\/$/.exec(detail);
  if (outside !== null) return Number(outside[1]);
  return value < 2 ** 31 ? value : addresses.move(value);
}

function dataOf(name: string, args: readonly StraceValue[], length: number): Uint8Array | undefined {
  switch (name) {
    case "read":
    case "pread64":
    case "recvfrom":
    case "getxattr":
    case "lgetxattr":
    case "fgetxattr":
      return cut(bytesOf(args[name.endsWith("xattr") ? 2 : 1]), length);
    case "getrandom":
      return cut(bytesOf(args[0]), length);
    case "readv":
    case "preadv":
    case "preadv2":
      return cut(vectorBytes(args[1]), length);
    case "recvmsg":
      return cut(vectorBytes(structField(args[1], "msg_iov")), length);
    default:
      return undefined;
  }
}

function bytesOf(value: StraceValue | undefined): Uint8Array | undefined {
  return value?.kind === "string" ? value.bytes : undefined;
}

function cut(bytes: Uint8Array | undefined, length: number): Uint8Array | undefined {
  return bytes?.subarray(0, length);
}

/** What is known of a vector from its start: it ends with the first string that strace cut short. */
function vectorBytes(value: StraceValue | undefined): Uint8Array | undefined {
  if (value?.kind !== "array") return undefined;
  const bytes: number[] = [];
  for (const item of value.items) {
    const base = structField(item.value, "iov_base");
    if (base?.kind !== "string") break;
    bytes.push(...base.bytes);
    if (base.truncated) break;
  }
  return Uint8Array.from(bytes);
}

function statOf(args: readonly StraceValue[], arch: Arch, note: NoteUnknown): RecordedStat | undefined {
  for (const value of args) {
    if (value.kind !== "struct") continue;
    const prefix = value.fields.some((field) => field.name?.startsWith("stx_")) ? "stx_" : "st_";
    const mode = structField(value, `${prefix}mode`);
    if (mode === undefined) continue;
    const size = structField(value, `${prefix}size`);
    const rdev = deviceOf(value, arch, note);
    return {
      mode: evaluate(mode, arch, note),
      ...(size === undefined ? {} : { size: evaluate(size, arch, note) }),
      ...(rdev === undefined ? {} : { rdev }),
    };
  }
  return undefined;
}

/** `st_rdev=makedev(0x1, 0x3)`, or statx's two fields, as the kernel keeps it: major << 20 | minor. */
function deviceOf(value: StraceValue, arch: Arch, note: NoteUnknown): number | undefined {
  const device = structField(value, "st_rdev");
  const [major, minor] = device?.kind === "call"
    ? [device.args[0]?.value, device.args[1]?.value]
    : [structField(value, "stx_rdev_major"), structField(value, "stx_rdev_minor")];
  if (major === undefined || minor === undefined) return undefined;
  return evaluate(major, arch, note) * 2 ** 20 + evaluate(minor, arch, note);
}

function descriptorsOf(name: string, args: readonly StraceValue[]): readonly number[] | undefined {
  const value = name === "pipe" || name === "pipe2" ? args[0] : name === "socketpair" ? args[3] : undefined;
  if (value?.kind !== "array") return undefined;
  return value.items.map((item) => {
    const after = valueAfter(item.value);
    return after.kind === "number" ? after.value : -1;
  });
}

/** `0x562e18075cd0 /* 42 entries *\/` */
function entriesOf(buffer: StraceValue | undefined): number | undefined {
  const found = /^(\d+) entries$/.exec(buffer?.comment?.trim() ?? "");
  return found === null ? undefined : Number(found[1]);
}

function textOf(name: string, args: readonly StraceValue[]): string | undefined {
  switch (name) {
    case "getcwd":
      return stringText(args[0]);
    case "readlink":
      return stringText(args[1]);
    case "readlinkat":
      return stringText(args[2]);
    default:
      return undefined;
  }
}

/** Which argument an address is stored through. */
const ADDRESSES: ReadonlyMap<string, number> = new Map(Object.entries<number>({
  accept: 1,
  accept4: 1,
  getsockname: 1,
  getpeername: 1,
  recvfrom: 4,
}));

/** The address that a call stored. */
function peerOf(
  name: string,
  args: readonly StraceValue[],
  arch: Arch,
  note: NoteUnknown,
): RecordedPeer | undefined {
  const at = ADDRESSES.get(name);
  const value = at !== undefined
    ? args[at]
    : name === "recvmsg"
    ? structField(args[1], "msg_name")
    : undefined;
  if (value?.kind !== "struct" || structField(value, "sa_family") === undefined) return undefined;
  const bytes = sockaddrBytes(value, arch, note);
  const decoded = decodeAddress(bytes);
  return { address: decoded?.address ?? "", port: decoded?.port ?? 0, bytes };
}
