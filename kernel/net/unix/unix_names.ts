/**
 * Names of unix sockets: paths, abstract names, and who is bound to one. `unix_bind` and its kin in `net/unix/af_unix.c`.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../../calls/function.ts";
import type { Dentry } from "../../fs/dentry.ts";
import { FS } from "../../fs/fs_struct.ts";
import { S_IFMT, S_IFSOCK } from "../../fs/modes.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { kzalloc } from "../../process/alloc.ts";
import {
  EADDRINUSE,
  ECONNREFUSED,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOTCONN,
  EPROTOTYPE,
} from "../../syscalls/errno.ts";
import { encodeAddress, readAddress, type SocketAddress } from "../address.ts";
import { AF_UNIX } from "../constants.ts";
import type { Sock } from "../core/sock.ts";
import { UNIX } from "../fields.ts";
import { sockIn } from "../socket.ts";
import type { UnixSock } from "./unix_sock.ts";
import { unixOf } from "./unix_socket.ts";

/** Stores a sock's name where probes find it: `struct unix_address`. */
export function storeName(k: Kernel, sk: Sock, path: Uint8Array): void {
  const bytes = encodeAddress({ family: AF_UNIX, address: "", port: 0, path });
  const addr = kzalloc(k, 8 + bytes.length);
  k.memory.store(addr, 4, 1);
  k.memory.store(addr + 4, 4, bytes.length);
  k.memory.writeBytes(addr + 8, bytes);
  UNIX.addr.set(k, sk.address, addr);
  unixOf(sk).path = path;
}

/** Gives a socket its name: (sock, uaddr, length). */
export const UNIX_BIND: FunctionRef = behaviour(
  "unix_bind",
  [],
  (k, sock = 0, uaddr = 0, length = 0) => {
    const sk = sockIn(k, sock);
    const unix = unixOf(sk);
    const name = readAddress(k, uaddr, length);
    const failure = recorded(k)?.ret ?? 0;
    if (name === null || name.family !== AF_UNIX || length < 2) return -EINVAL;
    if (failure < 0) return failure;
    if (unix.path !== null) return -EINVAL;
    const path = name.path ?? new Uint8Array(0);
    if (path.length === 0 || path[0] === 0) {
      const abstract = path.length === 0 ? autoName(k) : path;
      const key = String(abstract);
      if (k.net.unixByName.has(key)) return -EADDRINUSE;
      k.net.unixByName.set(key, unix);
      unix.abstract = key;
      storeName(k, sk, abstract);
      return 0;
    }
    const text = new TextDecoder().decode(path);
    const from = workingDirectory(k);
    if (k.vfs.lookup(text, from, false) !== null) {
      if (recorded(k) === undefined) return -EADDRINUSE;
      const old = k.vfs.lookup(text, from, false);
      if (old !== null && !old.isRoot) k.vfs.remove(old);
    }
    const slash = text.lastIndexOf("/");
    if (
      slash > 0 && k.vfs.lookup(text.slice(0, slash), from, true) === null && recorded(k) === undefined
    ) return -ENOENT;
    const dentry = k.vfs.makePath(text, { mode: S_IFSOCK | 0o755 }, from);
    if (dentry.inode !== null) {
      unix.inode = dentry.inode.address;
      k.net.unixByInode.set(dentry.inode.address, unix);
    }
    storeName(k, sk, path);
    return 0;
  },
);

function workingDirectory(k: Kernel): Dentry {
  return k.vfs.dentries.get(FS.pwdDentry.get(k, k.current.fs)) ?? k.vfs.root;
}

/** A name that nobody has, for who asks for any. */
function autoName(k: Kernel): Uint8Array {
  const serial = k.net.unixByName.size + 1;
  return new TextEncoder().encode(`\0${serial.toString(16).padStart(5, "0")}`);
}

/** Who is bound to a name: the sock, or -errno: (net, sunaddr, length, type). */
export const UNIX_FIND_OTHER: FunctionRef = behaviour(
  "unix_find_other",
  [],
  (k, _net, uaddr = 0, length = 0, type = 0) => {
    const name = readAddress(k, uaddr, length);
    return name === null ? -EFAULT : find(k, name, type);
  },
);

function find(k: Kernel, name: SocketAddress, type: number): number {
  const path = name.path ?? new Uint8Array(0);
  let unix: UnixSock | undefined;
  if (path[0] === 0) unix = k.net.unixByName.get(String(path));
  else {
    const dentry = k.vfs.lookup(new TextDecoder().decode(path), workingDirectory(k), true);
    if (dentry === null) return -ENOENT;
    if (((dentry.inode?.mode ?? 0) & S_IFMT) !== S_IFSOCK) return -ECONNREFUSED;
    unix = k.net.unixByInode.get(dentry.inode?.address ?? 0);
  }
  if (unix === undefined) return -ECONNREFUSED;
  return unix.sk.type !== type ? -EPROTOTYPE : unix.sk.address;
}

/** Stores a name at `uaddr`: its bytes: (sock, uaddr, peer). */
export const UNIX_GETNAME: FunctionRef = behaviour("unix_getname", [], (k, sock = 0, uaddr = 0, peer = 0) => {
  const own = sockIn(k, sock);
  const sk = peer !== 0 ? unixOf(own).peer : own;
  if (sk === null) return peer === 1 ? -ENOTCONN : 2;
  const bytes = encodeAddress({
    family: AF_UNIX,
    address: "",
    port: 0,
    path: unixOf(sk).path ?? new Uint8Array(0),
  });
  k.memory.writeBytes(uaddr, bytes);
  return bytes.length;
});
