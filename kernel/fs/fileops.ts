/**
 * The `file_operations` that the model knows: which functions a kind of file is read and written by.
 *
 * @module
 */

import { fn, type FunctionRef } from "../calls/function.ts";

/** A table of file operations, by the name of its symbol. */
export interface FileOperations {
  /** The kernel's symbol: `shmem_file_operations`. */
  readonly symbol: string;
  /** `f_op->read`, called with (file, buf, count, pos). */
  readonly read?: FunctionRef;
  /** `f_op->read_iter`, called with (kiocb, iov_iter). */
  readonly readIter?: FunctionRef;
  /** `f_op->write`. */
  readonly write?: FunctionRef;
  /** `f_op->write_iter`. */
  readonly writeIter?: FunctionRef;
  /** `f_op->open`, called with (inode, file). */
  readonly open?: FunctionRef;
  /** `f_op->release`, called with (inode, file). */
  readonly release?: FunctionRef;
  /** `f_op->llseek`, called with (file, offset, whence). */
  readonly llseek?: FunctionRef;
  /** `f_op->mmap`, called with (file, vma). */
  readonly mmap?: FunctionRef;
  /** `f_op->get_unmapped_area`, called with (file, addr, len, pgoff, flags). */
  readonly getUnmappedArea?: FunctionRef;
  /** `f_op->iterate_shared`, called with (file, dir_context). */
  readonly iterate?: FunctionRef;
  /** `f_op->poll`, called with (file, poll_table): what it is ready for. Without it a file always is. */
  readonly poll?: FunctionRef;
  /** `f_op->fsync`, called with (file, start, end, datasync); it may wait. */
  readonly fsync?: FunctionRef;
  /** `f_op->unlocked_ioctl`, called with (file, cmd, arg). */
  readonly ioctl?: FunctionRef;
  /** `f_op->fallocate`, called with (file, mode, offset, len). */
  readonly fallocate?: FunctionRef;
  /** Has a position: `lseek`, `pread` and `pwrite` work. */
  readonly seekable: boolean;
}

/** Regular files of tmpfs. */
export const SHMEM_FILE: FileOperations = {
  symbol: "shmem_file_operations",
  readIter: fn("shmem_file_read_iter"),
  writeIter: fn("generic_file_write_iter"),
  llseek: fn("shmem_file_llseek"),
  mmap: fn("shmem_mmap"),
  getUnmappedArea: fn("shmem_get_unmapped_area"),
  fallocate: fn("shmem_fallocate"),
  fsync: fn("noop_fsync"),
  seekable: true,
};

/** Directories of tmpfs. */
export const SIMPLE_DIR: FileOperations = {
  symbol: "simple_dir_operations",
  open: fn("dcache_dir_open"),
  release: fn("dcache_dir_close"),
  llseek: fn("dcache_dir_lseek"),
  iterate: fn("dcache_readdir"),
  fsync: fn("noop_fsync"),
  seekable: true,
};

/** Pipes and named pipes. */
export const PIPE: FileOperations = {
  symbol: "pipefifo_fops",
  readIter: fn("pipe_read"),
  writeIter: fn("pipe_write"),
  poll: fn("pipe_poll"),
  ioctl: fn("pipe_ioctl"),
  release: fn("pipe_release"),
  seekable: false,
};

/** `/dev/null`. */
export const NULL_DEVICE: FileOperations = {
  symbol: "null_fops",
  read: fn("read_null"),
  write: fn("write_null"),
  llseek: fn("null_lseek"),
  seekable: true,
};

/** `/dev/zero`. */
export const ZERO_DEVICE: FileOperations = {
  symbol: "zero_fops",
  read: fn("read_zero"),
  write: fn("write_null"),
  llseek: fn("null_lseek"),
  mmap: fn("mmap_zero"),
  seekable: true,
};

/** `/dev/urandom`. */
export const RANDOM_DEVICE: FileOperations = {
  symbol: "urandom_fops",
  ioctl: fn("random_ioctl"),
  readIter: fn("urandom_read_iter"),
  writeIter: fn("random_write_iter"),
  seekable: true,
};

/** Terminals. */
export const TTY: FileOperations = {
  symbol: "tty_fops",
  ioctl: fn("tty_ioctl"),
  readIter: fn("tty_read"),
  writeIter: fn("tty_write"),
  seekable: false,
};

/** Sockets. */
export const SOCKET: FileOperations = {
  symbol: "socket_file_ops",
  readIter: fn("sock_read_iter"),
  writeIter: fn("sock_write_iter"),
  poll: fn("sock_poll"),
  ioctl: fn("sock_ioctl"),
  release: fn("sock_close"),
  seekable: false,
};

/** Fixed files of procfs. */
export const PROC_FILE: FileOperations = {
  symbol: "proc_iter_file_ops",
  open: fn("proc_reg_open"),
  readIter: fn("proc_reg_read_iter"),
  release: fn("proc_reg_release"),
  llseek: fn("proc_reg_llseek"),
  seekable: true,
};

/** Files of a process in procfs that one function writes as a whole. */
export const PROC_SINGLE: FileOperations = {
  symbol: "proc_single_file_operations",
  open: fn("proc_single_open"),
  read: fn("seq_read"),
  release: fn("single_release"),
  llseek: fn("seq_lseek"),
  seekable: true,
};

/** `/proc/PID/maps`. */
export const PROC_MAPS: FileOperations = {
  symbol: "proc_pid_maps_operations",
  open: fn("pid_maps_open"),
  read: fn("seq_read"),
  release: fn("proc_map_release"),
  llseek: fn("seq_lseek"),
  seekable: true,
};

/** `/proc/PID/cmdline`. */
export const PROC_CMDLINE: FileOperations = {
  symbol: "proc_pid_cmdline_ops",
  read: fn("proc_pid_cmdline_read"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** `/proc/PID/environ`. */
export const PROC_ENVIRON: FileOperations = {
  symbol: "proc_environ_operations",
  open: fn("environ_open"),
  read: fn("environ_read"),
  release: fn("mem_release"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** `/proc/PID/comm`. */
export const PROC_COMM: FileOperations = {
  symbol: "proc_pid_set_comm_operations",
  open: fn("comm_open"),
  read: fn("seq_read"),
  write: fn("comm_write"),
  release: fn("single_release"),
  llseek: fn("seq_lseek"),
  seekable: true,
};

/** `/proc/PID/mounts`. */
export const PROC_MOUNTS: FileOperations = {
  symbol: "proc_mounts_operations",
  open: fn("mounts_open"),
  readIter: fn("seq_read_iter"),
  release: fn("mounts_release"),
  llseek: fn("seq_lseek"),
  seekable: true,
};

/** `/proc`. */
export const PROC_ROOT_DIR: FileOperations = {
  symbol: "proc_root_operations",
  iterate: fn("proc_root_readdir"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** Fixed directories of procfs. */
export const PROC_DIR: FileOperations = {
  symbol: "proc_dir_operations",
  iterate: fn("proc_readdir"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** `/proc/PID`. */
export const PROC_TGID_DIR: FileOperations = {
  symbol: "proc_tgid_base_operations",
  iterate: fn("proc_tgid_base_readdir"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** `/proc/PID/fd`. */
export const PROC_FD_DIR: FileOperations = {
  symbol: "proc_fd_operations",
  iterate: fn("proc_readfd"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** `/proc/PID/fdinfo`. */
export const PROC_FDINFO_DIR: FileOperations = {
  symbol: "proc_fdinfo_operations",
  iterate: fn("proc_readfdinfo"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** `/proc/PID/task`. */
export const PROC_TASK_DIR: FileOperations = {
  symbol: "proc_task_operations",
  iterate: fn("proc_task_readdir"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** Files of sysfs. */
export const KERNFS_FILE: FileOperations = {
  symbol: "kernfs_file_fops",
  open: fn("kernfs_fop_open"),
  readIter: fn("kernfs_fop_read_iter"),
  release: fn("kernfs_fop_release"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** Directories of sysfs. */
export const KERNFS_DIR: FileOperations = {
  symbol: "kernfs_dir_fops",
  iterate: fn("kernfs_fop_readdir"),
  release: fn("kernfs_dir_fop_release"),
  llseek: fn("generic_file_llseek"),
  seekable: true,
};

/** Files without a name: `eventfd`, `epoll`, `timerfd`, … */
export const EVENTFD: FileOperations = {
  symbol: "eventfd_fops",
  readIter: fn("eventfd_read"),
  write: fn("eventfd_write"),
  poll: fn("eventfd_poll"),
  release: fn("eventfd_release"),
  seekable: false,
};

/** `fsopen` and `fspick`. */
export const FSCONTEXT: FileOperations = {
  symbol: "fscontext_fops",
  release: fn("fscontext_release"),
  seekable: false,
};

/** `mq_open`. */
export const MQUEUE: FileOperations = {
  symbol: "mqueue_file_operations",
  read: fn("mqueue_read_file"),
  poll: fn("mqueue_poll_file"),
  release: fn("mqueue_flush_file"),
  seekable: true,
};

/** `epoll_create`. */
export const EPOLL: FileOperations = {
  symbol: "eventpoll_fops",
  poll: fn("ep_eventpoll_poll"),
  release: fn("ep_eventpoll_release"),
  seekable: false,
};

/** `timerfd_create`. */
export const TIMERFD: FileOperations = {
  symbol: "timerfd_fops",
  read: fn("timerfd_read"),
  poll: fn("timerfd_poll"),
  release: fn("timerfd_release"),
  seekable: false,
};

/** `signalfd`. */
export const SIGNALFD: FileOperations = {
  symbol: "signalfd_fops",
  read: fn("signalfd_read"),
  poll: fn("signalfd_poll"),
  release: fn("signalfd_release"),
  seekable: false,
};

/** `pidfd_open`. */
export const PIDFD: FileOperations = {
  symbol: "pidfd_fops",
  poll: fn("pidfd_poll"),
  release: fn("pidfd_release"),
  seekable: false,
};

/** `inotify_init`. */
export const INOTIFY: FileOperations = {
  symbol: "inotify_fops",
  read: fn("inotify_read"),
  poll: fn("inotify_poll"),
  ioctl: fn("inotify_ioctl"),
  release: fn("inotify_release"),
  seekable: false,
};

/** Regular files of ext4. */
export const EXT4_FILE: FileOperations = {
  symbol: "ext4_file_operations",
  readIter: fn("ext4_file_read_iter"),
  writeIter: fn("ext4_file_write_iter"),
  open: fn("ext4_file_open"),
  release: fn("ext4_release_file"),
  llseek: fn("ext4_llseek"),
  mmap: fn("ext4_file_mmap"),
  fallocate: fn("ext4_fallocate"),
  fsync: fn("ext4_sync_file"),
  seekable: true,
};

/** Directories of ext4. */
export const EXT4_DIR: FileOperations = {
  symbol: "ext4_dir_operations",
  release: fn("ext4_release_dir"),
  llseek: fn("ext4_dir_llseek"),
  iterate: fn("ext4_readdir"),
  fsync: fn("ext4_sync_file"),
  seekable: true,
};

/** Every function that some file is read by. */
export const READERS: readonly FunctionRef[] = collect((ops) => [ops.read, ops.readIter]);
/** Every function that some file is written by. */
export const WRITERS: readonly FunctionRef[] = collect((ops) => [ops.write, ops.writeIter]);
/** Every function that opens some file. */
export const OPENERS: readonly FunctionRef[] = collect((ops) => [ops.open]);
/** Every function that lets go of some file. */
export const RELEASERS: readonly FunctionRef[] = collect((ops) => [ops.release]);
/** Every function that writes some file out. */
export const SYNCERS: readonly FunctionRef[] = collect((ops) => [ops.fsync]);
/** Every function that controls some file. */
export const CONTROLLERS: readonly FunctionRef[] = collect((ops) => [ops.ioctl]);
/** Every function that moves some file's position. */
export const SEEKERS: readonly FunctionRef[] = collect((ops) => [ops.llseek]);

/** Every function that says what some file is ready for. */
export const POLLERS: readonly FunctionRef[] = collect((ops) => [ops.poll]);

function collect(
  pick: (ops: FileOperations) => readonly (FunctionRef | undefined)[],
): readonly FunctionRef[] {
  const found = new Map<string, FunctionRef>();
  for (const ops of fileOperations()) {
    for (const ref of pick(ops)) if (ref !== undefined) found.set(ref.name, ref);
  }
  return [...found.values()];
}

/** Every function that a table of file operations names. */
export function operationRefs(ops: FileOperations): readonly FunctionRef[] {
  return Object.values(ops).filter((value): value is FunctionRef => typeof value === "object");
}

/** All tables of file operations. */
export function fileOperations(): readonly FileOperations[] {
  return [
    SHMEM_FILE,
    SIMPLE_DIR,
    PIPE,
    NULL_DEVICE,
    ZERO_DEVICE,
    RANDOM_DEVICE,
    TTY,
    SOCKET,
    PROC_FILE,
    PROC_SINGLE,
    PROC_MAPS,
    PROC_CMDLINE,
    PROC_ENVIRON,
    PROC_COMM,
    PROC_MOUNTS,
    PROC_ROOT_DIR,
    PROC_DIR,
    PROC_TGID_DIR,
    PROC_FD_DIR,
    PROC_FDINFO_DIR,
    PROC_TASK_DIR,
    KERNFS_FILE,
    KERNFS_DIR,
    EVENTFD,
    FSCONTEXT,
    MQUEUE,
    EPOLL,
    TIMERFD,
    SIGNALFD,
    PIDFD,
    INOTIFY,
    EXT4_FILE,
    EXT4_DIR,
  ];
}

/** How a character device is read and written. */
export function deviceOperations(major: number, minor: number): FileOperations {
  if (major !== 1) return TTY;
  if (minor === 3) return NULL_DEVICE;
  return minor === 5 ? ZERO_DEVICE : RANDOM_DEVICE;
}
