/**
 * Which pointer arguments a call fills in. A recording prints what they hold *afterwards*; memory must not hold it before.
 *
 * @module
 */

/** Positions by call name, among the arguments as the kernel takes them. */
const OUTPUTS: ReadonlyMap<string, readonly number[]> = new Map(Object.entries<readonly number[]>({
  read: [1],
  pread64: [1],
  readv: [1],
  preadv: [1],
  preadv2: [1],
  recvfrom: [1, 4],
  recv: [1],
  recvmsg: [1],
  getcwd: [0],
  readlink: [1],
  readlinkat: [2],
  getrandom: [0],
  getdents: [1],
  getdents64: [1],
  getxattr: [2],
  lgetxattr: [2],
  fgetxattr: [2],
  listxattr: [1],
  llistxattr: [1],
  flistxattr: [1],
  stat: [1],
  lstat: [1],
  fstat: [1],
  stat64: [1],
  lstat64: [1],
  fstat64: [1],
  fstatat64: [2],
  newfstatat: [2],
  statx: [4],
  statfs: [1],
  fstatfs: [1],
  statfs64: [2],
  fstatfs64: [2],
  pipe: [0],
  pipe2: [0],
  socketpair: [3],
  wait4: [1, 3],
  waitid: [2],
  waitpid: [1],
  uname: [0],
  sysinfo: [0],
  times: [0],
  getrusage: [1],
  gettimeofday: [0, 1],
  clock_gettime: [1],
  clock_gettime64: [1],
  clock_getres: [1],
  getitimer: [1],
  setitimer: [2],
  timerfd_gettime: [1],
  timerfd_settime: [3],
  rt_sigaction: [2],
  rt_sigprocmask: [2],
  rt_sigpending: [0],
  sigaltstack: [1],
  prlimit64: [3],
  getrlimit: [1],
  ugetrlimit: [1],
  sched_getaffinity: [2],
  epoll_wait: [1],
  epoll_pwait: [1],
  accept: [1],
  accept4: [1],
  getsockname: [1],
  getpeername: [1],
  getsockopt: [3],
  nanosleep: [1],
  clock_nanosleep: [3],
  getresuid: [0, 1, 2],
  getresgid: [0, 1, 2],
  getgroups: [1],
  mincore: [2],
  _llseek: [3],
  clone: [2],
}));

const NONE: readonly number[] = [];
const known = new Map<string, readonly number[]>();

/** Positions of the arguments that call `name` fills in. */
export function outputsOf(name: string): readonly number[] {
  let found = known.get(name);
  if (found === undefined) {
    found = OUTPUTS.get(name) ?? OUTPUTS.get(name.replace(/(_time64|32)$/, "")) ?? NONE;
    known.set(name, found);
  }
  return found;
}
