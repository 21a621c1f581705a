/**
 * The `inode_operations` that the model knows: how a file system finds, makes, removes and describes names.
 *
 * @module
 */

import { fn, type FunctionRef } from "../calls/function.ts";

/** A table of inode operations, by the name of its symbol. What is absent, the kernel does in its generic way. */
export interface InodeOperations {
  /** The kernel's symbol: `shmem_dir_inode_operations`. */
  readonly symbol: string;
  /** `i_op->lookup`, called with (dir, dentry, flags): 0, another dentry than the one given, or -errno. */
  readonly lookup?: FunctionRef;
  /** `i_op->permission`, called with (userns, inode, mask); `generic_permission` without. */
  readonly permission?: FunctionRef;
  /** `i_op->get_link`, called with (dentry, inode, done): address of the text, 0 if it jumped itself, or -errno. */
  readonly getLink?: FunctionRef;
  /** `i_op->create`, called with (userns, dir, dentry, mode, excl). */
  readonly create?: FunctionRef;
  /** `i_op->link`, called with (old dentry, dir, dentry). */
  readonly link?: FunctionRef;
  /** `i_op->unlink`, called with (dir, dentry). */
  readonly unlink?: FunctionRef;
  /** `i_op->symlink`, called with (userns, dir, dentry, text). */
  readonly symlink?: FunctionRef;
  /** `i_op->mkdir`, called with (userns, dir, dentry, mode). */
  readonly mkdir?: FunctionRef;
  /** `i_op->rmdir`, called with (dir, dentry). */
  readonly rmdir?: FunctionRef;
  /** `i_op->mknod`, called with (userns, dir, dentry, mode, dev). */
  readonly mknod?: FunctionRef;
  /** `i_op->rename`, called with (userns, old dir, old dentry, new dir, new dentry, flags). */
  readonly rename?: FunctionRef;
  /** `i_op->tmpfile`, called with (userns, dir, file, mode). */
  readonly tmpfile?: FunctionRef;
  /** `i_op->getattr`, called with (userns, path, stat, mask, flags); `generic_fillattr` without. */
  readonly getattr?: FunctionRef;
  /** `i_op->setattr`, called with (userns, dentry, iattr); `simple_setattr` without. */
  readonly setattr?: FunctionRef;
  /** `i_op->listxattr`, called with (dentry, list, size). */
  readonly listxattr?: FunctionRef;
}

const SHMEM_COMMON = {
  getattr: fn("shmem_getattr"),
  setattr: fn("shmem_setattr"),
  listxattr: fn("shmem_listxattr"),
} as const;

/** Directories of tmpfs. */
export const SHMEM_DIR_INODE: InodeOperations = {
  symbol: "shmem_dir_inode_operations",
  ...SHMEM_COMMON,
  lookup: fn("simple_lookup"),
  create: fn("shmem_create"),
  link: fn("shmem_link"),
  unlink: fn("shmem_unlink"),
  symlink: fn("shmem_symlink"),
  mkdir: fn("shmem_mkdir"),
  rmdir: fn("shmem_rmdir"),
  mknod: fn("shmem_mknod"),
  rename: fn("shmem_rename2"),
  tmpfile: fn("shmem_tmpfile"),
};
/** Regular files of tmpfs. */
export const SHMEM_FILE_INODE: InodeOperations = { symbol: "shmem_inode_operations", ...SHMEM_COMMON };
/** Symbolic links of tmpfs: their text is at `i_link`. */
export const SHMEM_LINK_INODE: InodeOperations = {
  symbol: "shmem_short_symlink_operations",
  getattr: fn("shmem_getattr"),
  listxattr: fn("shmem_listxattr"),
};
/** Devices, named pipes and sockets of tmpfs. */
export const SHMEM_SPECIAL_INODE: InodeOperations = {
  symbol: "shmem_special_inode_operations",
  ...SHMEM_COMMON,
};
/** Inodes without operations of their own. */
export const EMPTY_INODE: InodeOperations = { symbol: "empty_iops" };
/** A directory that nobody makes names in. */
export const SIMPLE_DIR_INODE: InodeOperations = {
  symbol: "simple_dir_inode_operations",
  lookup: fn("simple_lookup"),
};

/** `/proc`: processes beside its fixed entries. */
export const PROC_ROOT_INODE: InodeOperations = {
  symbol: "proc_root_inode_operations",
  lookup: fn("proc_root_lookup"),
  getattr: fn("proc_root_getattr"),
};
/** Fixed directories of procfs. */
export const PROC_DIR_INODE: InodeOperations = {
  symbol: "proc_dir_inode_operations",
  lookup: fn("proc_lookup"),
  getattr: fn("proc_getattr"),
  setattr: fn("proc_notify_change"),
};
/** Fixed files of procfs. */
export const PROC_FILE_INODE: InodeOperations = {
  symbol: "proc_file_inode_operations",
  setattr: fn("proc_notify_change"),
};
/** `/proc/self`. */
export const PROC_SELF_INODE: InodeOperations = {
  symbol: "proc_self_inode_operations",
  getLink: fn("proc_self_get_link"),
};
/** `/proc/thread-self`. */
export const PROC_THREAD_SELF_INODE: InodeOperations = {
  symbol: "proc_thread_self_inode_operations",
  getLink: fn("proc_thread_self_get_link"),
};
/** `/proc/PID`. */
export const PROC_PID_INODE: InodeOperations = {
  symbol: "proc_tgid_base_inode_operations",
  lookup: fn("proc_tgid_base_lookup"),
  getattr: fn("pid_getattr"),
  permission: fn("proc_pid_permission"),
};
/** Files of `/proc/PID`. */
export const PROC_PID_FILE_INODE: InodeOperations = {
  symbol: "proc_def_inode_operations",
};
/** `/proc/PID/exe`, `cwd` and `root`. */
export const PROC_PID_LINK_INODE: InodeOperations = {
  symbol: "proc_pid_link_inode_operations",
  getLink: fn("proc_pid_get_link"),
};
/** `/proc/PID/fd`. */
export const PROC_FD_INODE: InodeOperations = {
  symbol: "proc_fd_inode_operations",
  lookup: fn("proc_lookupfd"),
  permission: fn("proc_fd_permission"),
};
/** `/proc/PID/fdinfo`. */
export const PROC_FDINFO_INODE: InodeOperations = {
  symbol: "proc_fdinfo_inode_operations",
  lookup: fn("proc_lookupfdinfo"),
};
/** `/proc/PID/task`. */
export const PROC_TASK_INODE: InodeOperations = {
  ...PROC_PID_INODE,
  symbol: "proc_task_inode_operations",
  lookup: fn("proc_task_lookup"),
};
/** Directories of sysfs and its kin. */
export const KERNFS_DIR_INODE: InodeOperations = {
  symbol: "kernfs_dir_iops",
  lookup: fn("kernfs_iop_lookup"),
  permission: fn("kernfs_iop_permission"),
  getattr: fn("kernfs_iop_getattr"),
  setattr: fn("kernfs_iop_setattr"),
  listxattr: fn("kernfs_iop_listxattr"),
};
/** Files of sysfs and its kin. */
export const KERNFS_FILE_INODE: InodeOperations = {
  symbol: "kernfs_iops",
  permission: fn("kernfs_iop_permission"),
  getattr: fn("kernfs_iop_getattr"),
  setattr: fn("kernfs_iop_setattr"),
  listxattr: fn("kernfs_iop_listxattr"),
};

const EXT4_COMMON = { setattr: fn("ext4_setattr"), listxattr: fn("ext4_listxattr") } as const;

/** Directories of ext4. */
export const EXT4_DIR_INODE: InodeOperations = {
  symbol: "ext4_dir_inode_operations",
  ...EXT4_COMMON,
  lookup: fn("ext4_lookup"),
  create: fn("ext4_create"),
  link: fn("ext4_link"),
  unlink: fn("ext4_unlink"),
  symlink: fn("ext4_symlink"),
  mkdir: fn("ext4_mkdir"),
  rmdir: fn("ext4_rmdir"),
  mknod: fn("ext4_mknod"),
  rename: fn("ext4_rename2"),
  tmpfile: fn("ext4_tmpfile"),
  getattr: fn("ext4_getattr"),
};
/** Regular files of ext4. */
export const EXT4_FILE_INODE: InodeOperations = {
  symbol: "ext4_file_inode_operations",
  ...EXT4_COMMON,
  getattr: fn("ext4_file_getattr"),
};
/** Symbolic links of ext4 whose text fits into the inode. */
export const EXT4_FAST_LINK_INODE: InodeOperations = {
  symbol: "ext4_fast_symlink_inode_operations",
  ...EXT4_COMMON,
  getattr: fn("ext4_getattr"),
};
/** Devices, named pipes and sockets of ext4. */
export const EXT4_SPECIAL_INODE: InodeOperations = {
  symbol: "ext4_special_inode_operations",
  ...EXT4_COMMON,
  getattr: fn("ext4_getattr"),
};

/** All tables of inode operations. */
export function inodeOperations(): readonly InodeOperations[] {
  return [
    SHMEM_DIR_INODE,
    SHMEM_FILE_INODE,
    SHMEM_LINK_INODE,
    SHMEM_SPECIAL_INODE,
    EMPTY_INODE,
    SIMPLE_DIR_INODE,
    PROC_ROOT_INODE,
    PROC_DIR_INODE,
    PROC_FILE_INODE,
    PROC_SELF_INODE,
    PROC_THREAD_SELF_INODE,
    PROC_PID_INODE,
    PROC_PID_FILE_INODE,
    PROC_PID_LINK_INODE,
    PROC_FD_INODE,
    PROC_FDINFO_INODE,
    PROC_TASK_INODE,
    KERNFS_DIR_INODE,
    KERNFS_FILE_INODE,
    EXT4_DIR_INODE,
    EXT4_FILE_INODE,
    EXT4_FAST_LINK_INODE,
    EXT4_SPECIAL_INODE,
  ];
}

/** Every function that some file system does an operation with: what the generic function may call. */
export function inodeCallees(operation: Exclude<keyof InodeOperations, "symbol">): readonly FunctionRef[] {
  const found = new Set<FunctionRef>();
  for (const table of inodeOperations()) {
    const ref = table[operation];
    if (ref !== undefined) found.add(ref);
  }
  return [...found];
}
