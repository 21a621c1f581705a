/**
 * `struct kmem_cache`: what probes find behind the first argument of `kmem_cache_alloc`. The structs lie in memory that
 * booting took, at places that follow from their names, so that asking for one changes nothing else.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { baseName } from "../calls/names.ts";
import { hashName, type KernelFunction } from "../calls/kernel_function.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeIfKnown } from "../process/objects.ts";

const CACHE = {
  name: field("kmem_cache", "name"),
  size: field("kmem_cache", "size"),
  objectSize: field("kmem_cache", "object_size"),
} as const;
/** Where the structs begin, from the start of the direct map, and how far they are apart. */
const START = 0x800000;
const STEP = 0x2400;
const SLOTS = 448;
/** Room for a name behind a struct. */
const NAME = 0x80;

/**
 * Which cache a function allocates from, by 6.1's source: where the recordings show the call and nothing says with what.
 * Several: one after another.
 */
const CALLERS: ReadonlyMap<string, readonly string[]> = new Map(Object.entries<readonly string[]>({
  getname_flags: ["names_cache"],
  getname_kernel: ["names_cache"],
  __alloc_file: ["filp"],
  alloc_empty_file: ["filp"],
  security_file_alloc: ["lsm_file_cache"],
  security_inode_alloc: ["lsm_inode_cache"],
  __d_alloc: ["dentry"],
  shmem_alloc_inode: ["shmem_inode_cache"],
  alloc_inode: ["inode_cache"],
  proc_alloc_inode: ["proc_inode_cache"],
  sock_alloc_inode: ["sock_inode_cache"],
  ext4_alloc_inode: ["ext4_inode_cache"],
  vm_area_alloc: ["vm_area_struct"],
  vm_area_dup: ["vm_area_struct"],
  __anon_vma_prepare: ["anon_vma_chain", "anon_vma"],
  anon_vma_fork: ["anon_vma", "anon_vma_chain"],
  anon_vma_clone: ["anon_vma_chain"],
  mas_alloc_nodes: ["maple_node"],
  mas_dup_alloc: ["maple_node"],
  mm_alloc: ["mm_struct"],
  dup_mm: ["mm_struct"],
  dup_task_struct: ["task_struct"],
  copy_process: ["task_struct", "sighand_cache", "signal_cache"],
  prepare_creds: ["cred_jar"],
  dup_fd: ["files_cache"],
  copy_fs_struct: ["fs_cache"],
  alloc_pid: ["pid"],
  __alloc_skb: ["skbuff_head_cache"],
  skb_clone: ["skbuff_head_cache"],
  xas_alloc: ["radix_tree_node"],
  radix_tree_node_alloc: ["radix_tree_node"],
  locks_alloc_lock: ["file_lock_cache"],
  alloc_buffer_head: ["buffer_head"],
  __khugepaged_enter: ["khugepaged_mm_slot"],
  __sigqueue_alloc: ["sigqueue"],
  do_timer_create: ["posix_timers_cache"],
  ep_insert: ["eventpoll_epi"],
  ep_ptable_queue_proc: ["eventpoll_pwq"],
  // Through `mas_alloc_nodes`, which is traced nowhere.
  do_mas_align_munmap: ["maple_node"],
  vma_link: ["maple_node"],
  vma_mas_store: ["maple_node"],
  mmap_region: ["maple_node"],
  do_brk_flags: ["maple_node"],
  __vma_adjust: ["maple_node"],
  vma_expand: ["maple_node"],
  dup_mmap: ["maple_node"],
  insert_vm_struct: ["maple_node"],
}));

/** Caches that functions free objects of. */
const FREERS: ReadonlyMap<string, string> = new Map(Object.entries<string>({
  __cleanup_sighand: "sighand_cache",
  __mmdrop: "mm_struct",
  __put_anon_vma: "anon_vma",
  __sigqueue_free: "sigqueue",
  __vma_adjust: "maple_node",
  collect_signal: "sigqueue",
  do_brk_flags: "maple_node",
  do_mas_align_munmap: "maple_node",
  dup_mmap: "maple_node",
  ep_remove: "eventpoll_epi",
  exit_fs: "fs_cache",
  exit_mmap: "maple_node",
  fcntl_setlk: "file_lock_cache",
  free_buffer_head: "buffer_head",
  kfree_skbmem: "skbuff_head_cache",
  locks_dispose_list: "file_lock_cache",
  mmap_region: "maple_node",
  posix_lock_inode: "file_lock_cache",
  put_cred_rcu: "cred_jar",
  put_files_struct: "files_cache",
  putname: "names_cache",
  security_file_free: "lsm_file_cache",
  security_inode_free: "lsm_inode_cache",
  unlink_anon_vmas: "anon_vma_chain",
  vm_area_free: "vm_area_struct",
  vma_expand: "maple_node",
  vma_mas_store: "maple_node",
}));

/** Caches of which the model itself allocates nothing: sizes of their objects, as 6.1 on x86_64 shows them. */
const SIZES: ReadonlyMap<string, number> = new Map(Object.entries<number>({
  lsm_file_cache: 24,
  lsm_inode_cache: 72,
  radix_tree_node: 576,
  file_lock_cache: 216,
  buffer_head: 104,
  khugepaged_mm_slot: 32,
  sigqueue: 80,
}));

const known = new WeakMap<Kernel, Map<string, Addr>>();

/** Address of the `struct kmem_cache` of a name; NaN where nothing tells how large its objects are. */
export function cacheAddress(k: Kernel, name: string): Addr {
  let table = known.get(k);
  if (table === undefined) known.set(k, table = new Map());
  const found = table.get(name);
  if (found !== undefined) return found;
  const cache = k.slab.cache(name);
  const objectSize = cache?.objectSize ?? (SIZES.get(name) || sizeIfKnown(k, STRUCTS.get(name) ?? name));
  if (objectSize === 0 || sizeIfKnown(k, "kmem_cache") === 0) return Number.NaN;
  let slot = Math.abs(hashName(name)) % SLOTS;
  const taken = new Set(table.values());
  while (taken.has(at(k, slot))) slot = (slot + 1) % SLOTS;
  const address = at(k, slot);
  CACHE.objectSize.set(k, address, objectSize);
  CACHE.size.set(k, address, cache?.size ?? Math.ceil(objectSize / k.arch.wordSize) * k.arch.wordSize);
  const text = address + STEP - NAME;
  k.memory.writeString(text, name, NAME);
  CACHE.name.set(k, address, text);
  table.set(name, address);
  return address;
}

/** Structs whose cache has another name. */
const STRUCTS: ReadonlyMap<string, string> = new Map(Object.entries<string>({
  filp: "file",
  cred_jar: "cred",
  files_cache: "files_struct",
  fs_cache: "fs_struct",
  signal_cache: "signal_struct",
  sighand_cache: "sighand_struct",
  shmem_inode_cache: "shmem_inode_info",
  inode_cache: "inode",
  proc_inode_cache: "proc_inode",
  sock_inode_cache: "socket_alloc",
  skbuff_head_cache: "sk_buff",
}));

function at(k: Kernel, slot: number): Addr {
  return k.arch.layout.directMap + START + slot * STEP;
}

/** The cache that a call of `kmem_cache_alloc` under `caller` is for; NaN where nothing tells. `nth`: its how many-th. */
export function cacheFor(k: Kernel, caller: KernelFunction, nth: number): Addr {
  const names = CALLERS.get(baseName(caller.name));
  const name = names?.[Math.min(nth, names.length - 1)];
  return name === undefined ? Number.NaN : cacheAddress(k, name);
}

/** The cache that a call of `kmem_cache_free` under `caller` is for; NaN where nothing tells. */
export function cacheFreed(k: Kernel, caller: KernelFunction): Addr {
  const name = FREERS.get(baseName(caller.name));
  return name === undefined ? Number.NaN : cacheAddress(k, name);
}
