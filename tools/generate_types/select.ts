/**
 * Which functions of an image are declared.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";

/**
 * What is declared of a kernel of one's own: file systems, system calls, network, memory, faults, scheduler and
 * wakeups, fork, exec, exit, block.
 */
export const DEFAULT_GLOBS: readonly string[] = [
  ..."vfs_* ksys_* do_sys_* do_filp_open path_openat filp_close generic_file_* filemap_*".split(" "),
  ..."tcp_* inet_* ip_* udp_* sock_* unix_*".split(" "),
  ..."kmem_* kfree handle_mm_fault __handle_mm_fault do_*_page do_*_fault do_mmap*".split(" "),
  ..."schedule* try_to_wake_up wake_up_* ttwu_* sched_*".split(" "),
  ..."kernel_clone copy_process do_exit do_group_exit release_task begin_new_exec bprm_* exec_*".split(" "),
  ..."blk_* bio_* submit_bio*".split(" "),
];

/** The names of an image that match a glob, or are listed, in ascending order. */
export function selectFunctions(
  image: KernelImage,
  globs: readonly string[],
  listed: readonly string[],
): readonly string[] {
  const names = new Set(globs.flatMap((glob) => image.functions(glob)));
  for (const name of listed) if (image.isTraceable(name)) names.add(name);
  for (const name of image.syscallNames()) {
    const entry = image.syscallEntry(name);
    if (globs.includes(SYSCALLS) && entry !== undefined && image.isTraceable(entry)) names.add(entry);
  }
  return [...names].sort();
}

/** In place of a glob: the entry functions of all system calls. */
export const SYSCALLS = "@syscalls";
