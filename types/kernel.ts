import type { Fn, Ptr, Tp } from "./words.ts";
export interface task_struct {
  readonly pid: number;
  readonly tgid: number;
  readonly comm: string;
}
export interface KernelTypes {
  task_struct: task_struct;
}
export interface path {
  readonly dentry: Ptr<dentry>;
}
export interface dentry {
  readonly d_name: { readonly name: string; readonly len: number };
  readonly d_parent: Ptr<dentry>;
}
export interface file {
  readonly f_path: path;
  readonly f_flags: number;
}
export interface Functions {
  vfs_open: Fn<{ readonly path: Ptr<path>; readonly file: Ptr<file> }, number>;
  vfs_read: Fn<{ readonly file: Ptr<file>; readonly buf: string; readonly count: number }, number>;
}
export interface Tracepoints {
  "sched:sched_switch": Tp<{ readonly prev_comm: string; readonly prev_pid: number }>;
}
