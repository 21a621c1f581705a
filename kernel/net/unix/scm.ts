/**
 * What messages carry beside their bytes: open files (`SCM_RIGHTS`) and who sent them (`SCM_CREDENTIALS`).
 * `net/core/scm.c`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import { FILE } from "../../fs/fields.ts";
import { fdFile, freeFd, installFd } from "../../fs/files_struct.ts";
import { recorded } from "../../fs/recorded.ts";
import type { Kernel } from "../../kernel.ts";
import { MemoryFault } from "../../memory/fault.ts";
import { EBADF } from "../../syscalls/errno.ts";
import { MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_PEEK, SCM_RIGHTS, SOL_SOCKET } from "../constants.ts";
import type { Skb } from "../core/skbuff.ts";
import { MSG } from "../fields.ts";
import { messageFlags } from "../msghdr.ts";

/** Control messages of a message, while it is sent: by its address. */
const outgoing = new WeakMap<Kernel, Map<Addr, readonly Addr[]>>();

/** Takes the files of a message's control data: references on them; -EBADF where a descriptor is not open. */
export function readControl(k: Kernel, msg: Addr): number {
  const control = MSG.control.get(k, msg);
  const length = MSG.controllen.get(k, msg);
  if (control === 0 || length === 0) return 0;
  const word = k.image.pointerSize;
  const header = word === 8 ? 16 : 12;
  const files: Addr[] = [];
  try {
    for (let at = 0; at + header <= length;) {
      const size = k.memory.load(control + at, word, false);
      const level = k.memory.load(control + at + word, 4, true);
      const type = k.memory.load(control + at + word + 4, 4, true);
      if (size < header || at + size > length) break;
      if (level === SOL_SOCKET && type === SCM_RIGHTS) {
        for (let i = header; i + 4 <= size; i += 4) {
          const file = fdFile(k, k.current.files, k.memory.load(control + at + i, 4, true));
          if (file === 0) {
            for (const held of files) k.vfs.putFile(held);
            return -EBADF;
          }
          FILE.count.add(k, file, 1);
          files.push(file);
        }
      }
      at += Math.ceil(size / word) * word;
    }
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
    return recorded(k) === undefined ? -14 : 0;
  }
  if (files.length === 0) return 0;
  let all = outgoing.get(k);
  if (all === undefined) outgoing.set(k, all = new Map());
  all.set(msg, files);
  return 0;
}

/** The message went nowhere: its files are let go of. */
export function dropControl(k: Kernel, msg: Addr): void {
  const files = outgoing.get(k)?.get(msg);
  if (files === undefined) return;
  outgoing.get(k)?.delete(msg);
  for (const file of files) k.vfs.putFile(file);
}

/** Gives a message's files to the packet that carries it. */
export function attachRights(k: Kernel, skb: Skb, msg: Addr): void {
  const files = outgoing.get(k)?.get(msg);
  if (files === undefined) return;
  outgoing.get(k)?.delete(msg);
  skb.files = files;
}

/** Gives a packet's files to the receiver, if its message has room for their descriptors. */
export function detachRights(k: Kernel, skb: Skb, msg: Addr, flags: number): void {
  const { files } = skb;
  if (files === null || (flags & MSG_PEEK) !== 0) return;
  skb.files = null;
  const word = k.image.pointerSize;
  const header = word === 8 ? 16 : 12;
  const control = MSG.control.get(k, msg);
  const room = MSG.controllen.get(k, msg);
  const fit = control === 0 ? 0 : Math.max(0, Math.floor((room - header) / 4));
  const fds = recorded(k)?.fds;
  const taken = files.slice(0, fit);
  for (const file of files.slice(fit)) k.vfs.putFile(file);
  if (taken.length < files.length) MSG.flags.set(k, msg, messageFlags(k, msg) | MSG_CTRUNC);
  if (taken.length === 0) return;
  const size = header + taken.length * 4;
  const table = k.current.files;
  const numbers = taken.map((file, i) => {
    const fd = fds?.[i] ?? freeFd(k, table, 0);
    installFd(k, table, fd, file, (flags & MSG_CMSG_CLOEXEC) !== 0);
    return fd;
  });
  try {
    k.memory.store(control, word, size);
    k.memory.store(control + word, 4, SOL_SOCKET);
    k.memory.store(control + word + 4, 4, SCM_RIGHTS);
    numbers.forEach((fd, i) => k.memory.store(control + header + i * 4, 4, fd));
  } catch (error) {
    if (!(error instanceof MemoryFault)) throw error;
  }
  MSG.control.set(k, msg, control + Math.ceil(size / word) * word);
  MSG.controllen.set(k, msg, Math.max(0, room - Math.ceil(size / word) * word));
}
