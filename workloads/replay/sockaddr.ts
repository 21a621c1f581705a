/**
 * Socket addresses as strace prints them, to the bytes of `struct sockaddr_*`.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import { evaluate, type NoteUnknown } from "./evaluate.ts";
import { type StraceArgument, type StraceValue, stringText, structField } from "./value.ts";

/** The bytes of `{sa_family=AF_INET, sin_port=htons(80), …}`; families that are not known keep their number only. */
export function sockaddrBytes(value: StraceValue, arch: Arch, note: NoteUnknown): Uint8Array {
  const family = structField(value, "sa_family");
  const bytes = new Uint8Array(128);
  const view = new DataView(bytes.buffer);
  function field(name: string): number {
    const found = structField(value, name);
    return found === undefined ? 0 : evaluate(found, arch, note) || 0;
  }
  view.setUint16(0, field("sa_family"), true);
  switch (family?.kind === "name" ? family.name : "") {
    case "AF_INET":
      view.setUint16(2, field("sin_port"), true);
      view.setUint32(4, field("sin_addr"), true);
      return bytes.subarray(0, 16);
    case "AF_INET6": {
      view.setUint16(2, field("sin6_port"), true);
      view.setUint32(4, field("sin6_flowinfo"), true);
      const text = value.kind === "struct" ? addressText(value.fields) : undefined;
      if (text !== undefined) bytes.set(ipv6Bytes(text), 8);
      view.setUint32(24, field("sin6_scope_id"), true);
      return bytes.subarray(0, 28);
    }
    case "AF_UNIX":
    case "AF_LOCAL": {
      const path = structField(value, "sun_path");
      if (path?.kind !== "string") return bytes.subarray(0, 2);
      bytes.set(path.bytes.subarray(0, 107), path.abstract === true ? 3 : 2);
      return bytes.subarray(0, Math.min(110, path.bytes.length + 3));
    }
    case "AF_NETLINK":
      view.setUint32(4, field("nl_pid"), true);
      view.setUint32(8, field("nl_groups"), true);
      return bytes.subarray(0, 12);
    default:
      return bytes.subarray(0, 16);
  }
}

/** `inet_pton(AF_INET6, "::1", &sin6_addr)` stands among the fields, without a name. */
function addressText(fields: readonly StraceArgument[]): string | undefined {
  for (const { value } of fields) {
    if (value.kind === "call" && value.name === "inet_pton") return stringText(value.args[1]?.value);
  }
  return undefined;
}

/** The 16 bytes of an IPv6 address in its usual text; zeros for what is none. */
export function ipv6Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [left = "", right] = text.split("::", 2);
  const head = groups(left);
  const tail = right === undefined ? [] : groups(right);
  if (head.length + tail.length > 8) return bytes;
  head.forEach((group, at) => bytes.set([group >> 8, group & 0xff], at * 2));
  tail.forEach((group, at) => bytes.set([group >> 8, group & 0xff], 16 - (tail.length - at) * 2));
  return bytes;
}

function groups(text: string): number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [parseInt(group, 16) & 0xffff];
    const [a = 0, b = 0, c = 0, d = 0] = group.split(".").map(Number);
    return [a << 8 | b, c << 8 | d];
  });
}
