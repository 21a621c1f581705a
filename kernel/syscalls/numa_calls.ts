/**
 * System calls about memory policies, on a machine with one node, and about another process's memory.
 *
 * @module
 */

import { fn } from "../calls/function.ts";
import { recorded } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { mmAt, PAGE } from "../mm/mm_struct.ts";
import { PROCESS_VM_RW } from "../mm/process_vm_access.ts";
import { loadUser } from "../process/user_load.ts";
import type { Task } from "../process/task.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL } from "./errno.ts";
import { mayStore } from "../process/user_store.ts";

const MPOL_DEFAULT = 0;
const MPOL_PREFERRED = 1;
const MPOL_LOCAL = 4;
const MPOL_MAX = 6;
const MODE_FLAGS = 0xe000;
const F_NODE = 1;
const F_ADDR = 2;
const F_MEMS_ALLOWED = 4;
/** Bits of a node mask that the kernel takes. */
const MAX_NODES = 1024;

/** Policies that tasks have set: mode, and whether the one node is in its mask. */
const policies = new WeakMap<Task, { readonly mode: number; readonly node: boolean }>();

function address(k: Kernel, word: number): number {
  return k.image.pointerSize === 4 ? word >>> 0 : word;
}

/** Whether a user's node mask holds node 0, and nothing else: a boolean, or -errno. */
function nodeMask(k: Kernel, at: number, maxnode: number): boolean | number {
  const bits = maxnode - 1;
  if (bits <= 0 || at === 0) return false;
  if (bits > MAX_NODES * 32) return -EINVAL;
  const word = k.image.pointerSize;
  let node = false;
  for (let i = 0; i * word * 8 < bits; i++) {
    const value = loadUser(k, at + i * word, word, false);
    if (Number.isNaN(value)) return -EFAULT;
    if (i === 0) node = value % 2 === 1;
    if (value - (i === 0 && node ? 1 : 0) !== 0) return -EINVAL;
  }
  return node;
}

/** What `set_mempolicy` and `mbind` accept: the policy, or -errno. */
function policyOf(
  k: Kernel,
  mode: number,
  at: number,
  maxnode: number,
): { readonly mode: number; readonly node: boolean } | number {
  const kind = mode & ~MODE_FLAGS;
  if (kind < 0 || kind >= MPOL_MAX) return -EINVAL;
  const node = nodeMask(k, at, maxnode);
  if (typeof node === "number") return node;
  const empty = !node;
  if (kind === MPOL_DEFAULT || kind === MPOL_LOCAL) return empty ? { mode: kind, node } : -EINVAL;
  return empty && kind !== MPOL_PREFERRED
    ? -EINVAL
    : { mode: kind === MPOL_PREFERRED && empty ? MPOL_LOCAL : kind, node };
}

const SANITIZE = fn("kernel_set_mempolicy");

syscall("set_mempolicy", ["int", "ulong", "ulong"], [SANITIZE], (k, mode = 0, mask = 0, maxnode = 0) => {
  const policy = policyOf(k, mode, address(k, mask), maxnode);
  if (typeof policy === "number") return policy;
  if ((recorded(k)?.ret ?? 0) === 0) policies.set(k.current, policy);
  return 0;
});
syscall(
  "get_mempolicy",
  ["ulong", "ulong", "ulong", "ulong", "ulong"],
  [],
  (k, policy = 0, mask = 0, maxnode = 0, addr = 0, flags = 0) => {
    if (flags < 0 || (flags & ~(F_NODE | F_ADDR | F_MEMS_ALLOWED)) !== 0) return -EINVAL;
    if (mask !== 0 && maxnode < 1) return -EINVAL;
    const allowed = (flags & F_MEMS_ALLOWED) !== 0;
    if (allowed && (flags & (F_NODE | F_ADDR)) !== 0) return -EINVAL;
    const at = address(k, addr);
    if ((flags & F_ADDR) !== 0) {
      const area = mmAt(k, k.current.mm)?.find(at);
      if (area === undefined || area.start > at) return -EFAULT;
    } else if (addr !== 0 && !allowed) return -EINVAL;
    const own = policies.get(k.current) ?? { mode: MPOL_DEFAULT, node: false };
    if ((flags & F_NODE) !== 0 && (flags & F_ADDR) === 0 && own.mode !== 3) return -EINVAL;
    const value = allowed || (flags & F_NODE) !== 0 ? 0 : own.mode;
    if (policy !== 0 && !put(k, address(k, policy), 4, value)) return -EFAULT;
    if (mask !== 0 && !put(k, address(k, mask), k.image.pointerSize, allowed || own.node ? 1 : 0)) {
      return -EFAULT;
    }
    return 0;
  },
);
syscall(
  "mbind",
  ["ulong", "ulong", "ulong", "ulong", "ulong", "uint"],
  [],
  (k, start = 0, len = 0, mode = 0, mask = 0, maxnode = 0, flags = 0) => {
    if ((flags & ~7) !== 0 || address(k, start) % PAGE !== 0) return -EINVAL;
    const policy = policyOf(k, mode, address(k, mask), maxnode);
    if (typeof policy === "number") return policy;
    const from = address(k, start);
    const end = from + Math.ceil(address(k, len) / PAGE) * PAGE;
    for (let at = from; at < end;) {
      const area = mmAt(k, k.current.mm)?.find(at);
      if (area === undefined || area.start > at) return -EFAULT;
      at = area.end;
    }
    return 0;
  },
);
// With one node everything is where it should be.
syscall("migrate_pages", ["int", "ulong", "ulong", "ulong"], [], () => 0);
syscall(
  "set_mempolicy_home_node",
  ["ulong", "ulong", "ulong", "ulong"],
  [],
  (k, start = 0, _len, node = 0, flags = 0) =>
    address(k, start) % PAGE !== 0 || flags !== 0 || node !== 0 ? -EINVAL : 0,
);

for (const [name, write] of [["process_vm_readv", 0], ["process_vm_writev", 1]] as const) {
  syscall(
    name,
    ["int", "ulong", "ulong", "ulong", "ulong", "ulong"],
    [PROCESS_VM_RW],
    (k, pid = 0, lvec = 0, liovcnt = 0, rvec = 0, riovcnt = 0, flags = 0) => {
      const ret = recorded(k)?.ret;
      if (ret !== undefined && ret < 0) return ret;
      return k.calls.callN(PROCESS_VM_RW, [
        pid,
        address(k, lvec),
        liovcnt,
        address(k, rvec),
        riovcnt,
        flags,
        write,
      ]);
    },
  );
}

/** Stores a word for the program: false at a bad address. */
function put(k: Kernel, at: number, size: number, value: number): boolean {
  if (!mayStore(k, at, size)) return false;
  k.memory.store(at, size, value);
  return true;
}
