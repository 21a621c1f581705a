/**
 * The `dentry_operations` that the model knows: whether a name in the dentry cache still stands for the same.
 *
 * @module
 */

import { fn, type FunctionRef } from "../calls/function.ts";

/** A table of dentry operations. */
export interface DentryOperations {
  /** The kernel's symbol: `pid_dentry_operations`. */
  readonly symbol: string;
  /** `d_op->d_revalidate`, called with (dentry, flags): 1 if it does, 0 if not, -ECHILD if it needs references. */
  readonly revalidate: FunctionRef;
}

/** Names that processes have in `/proc`. */
export const PID_DENTRY: DentryOperations = {
  symbol: "pid_dentry_operations",
  revalidate: fn("pid_revalidate"),
};
/** Fixed names of `/proc`. */
export const PROC_MISC_DENTRY: DentryOperations = {
  symbol: "proc_misc_dentry_ops",
  revalidate: fn("proc_misc_d_revalidate"),
};
/** Descriptors in `/proc/PID/fd`. */
export const TID_FD_DENTRY: DentryOperations = {
  symbol: "tid_fd_dentry_operations",
  revalidate: fn("tid_fd_revalidate"),
};
/** Names of sysfs and its kin. */
export const KERNFS_DENTRY: DentryOperations = {
  symbol: "kernfs_dops",
  revalidate: fn("kernfs_dop_revalidate"),
};

/** All tables of dentry operations. */
export function dentryOperations(): readonly DentryOperations[] {
  return [PID_DENTRY, PROC_MISC_DENTRY, TID_FD_DENTRY, KERNFS_DENTRY];
}
