/**
 * Counts by command name what a recording says that the kernel did: from its text alone, with nothing of the product.
 *
 * @module
 */

/** What is counted, by the kernel function that each such call goes through once. */
export interface StraceCounts {
  readonly vfs_open: Record<string, number>;
  readonly vfs_read: Record<string, number>;
  readonly vfs_write: Record<string, number>;
  readonly filldir64: Record<string, number>;
  readonly kernel_clone: Record<string, number>;
  readonly do_exit: Record<string, number>;
  readonly tcp_connect: Record<string, number>;
  readonly inet_csk_accept: Record<string, number>;
}

interface Call {
  readonly pid: string;
  readonly name: string;
  readonly args: string;
  readonly result: number;
  readonly error: string;
}

/** Tasks as far as counting needs them: their command's name, and which descriptors are TCP sockets. */
class Tasks {
  readonly #comms = new Map<string, string>();
  readonly #before = new Map<string, string>();
  readonly #tcp = new Map<string, Set<string>>();
  readonly #first: string;

  constructor(first: string) {
    this.#first = first;
  }

  comm(pid: string): string {
    return this.#comms.get(pid) ?? this.#first;
  }

  /** Remembers a name that the task is about to lose. */
  before(pid: string): void {
    this.#before.set(pid, this.comm(pid));
  }

  /** The name before the last `execve`, once. */
  takeBefore(pid: string): string | undefined {
    const comm = this.#before.get(pid);
    this.#before.delete(pid);
    return comm;
  }

  rename(pid: string, comm: string): void {
    this.#comms.set(pid, comm.slice(0, 15));
  }

  /** A child has its parent's name and descriptors. */
  fork(parent: string, child: string): void {
    if (!this.#comms.has(child)) this.#comms.set(child, this.comm(parent));
    const known = this.#tcp.get(child) ?? new Set();
    for (const fd of this.#tcp.get(parent) ?? []) known.add(fd);
    this.#tcp.set(child, known);
  }

  socket(pid: string, fd: string, tcp: boolean): void {
    const known = this.#tcp.get(pid) ?? new Set();
    if (tcp) known.add(fd);
    else known.delete(fd);
    this.#tcp.set(pid, known);
  }

  isTcp(pid: string, fd: string): boolean {
    return this.#tcp.get(pid)?.has(fd) === true;
  }
}

const LINE = /^(\d+) +\d+\.\d+ (.*)$/;
const WHOLE = /^(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?: (E\w+))?/s;

/** `first`: the command name of whatever started the recorded command. */
export function countsOf(text: string, first: string): StraceCounts {
  const counts: StraceCounts = {
    vfs_open: {},
    vfs_read: {},
    vfs_write: {},
    filldir64: {},
    kernel_clone: {},
    do_exit: {},
    tcp_connect: {},
    inet_csk_accept: {},
  };
  const tasks = new Tasks(first);
  const open = new Map<string, string>();
  const started = childrenOf(text);
  function count(what: keyof StraceCounts, pid: string, times = 1, comm = tasks.comm(pid)): void {
    if (times > 0) counts[what][comm] = (counts[what][comm] ?? 0) + times;
  }
  for (const line of text.split("\n")) {
    const [, pid = "", rest = ""] = LINE.exec(line) ?? [];
    if (/^\+\+\+ (exited|killed)/.test(rest)) count("do_exit", pid);
    const unfinished = /^(.*?) *<unfinished \.\.\.>$/.exec(rest);
    if (unfinished !== null) {
      // A child that is seen before its parent's call returns.
      if (/^(clone3?|v?fork)\(/.test(rest)) {
        for (const child of started.get(pid) ?? []) tasks.fork(pid, child);
      }
      open.set(pid, unfinished[1] ?? "");
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const call = parseCall(pid, resumed === null ? rest : `${open.get(pid) ?? ""}${resumed[1]}`);
    if (call !== null) take(call, tasks, count);
  }
  return counts;
}

/** Children by parent, from the whole text. */
function childrenOf(text: string): Map<string, string[]> {
  const children = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const found = /^(\d+) +\d+\.\d+ (?:<\.\.\. )?(?:clone3?|v?fork)\b.* = (\d+)/.exec(line);
    if (found !== null) children.set(found[1] ?? "", [...children.get(found[1] ?? "") ?? [], found[2] ?? ""]);
  }
  return children;
}

function parseCall(pid: string, text: string): Call | null {
  const match = WHOLE.exec(text);
  if (match === null) return null;
  const [, name = "", args = "", result = "", error = ""] = match;
  return { pid, name, args, result: result === "?" ? NaN : Number(result), error };
}

function take(
  call: Call,
  tasks: Tasks,
  count: (what: keyof StraceCounts, pid: string, times?: number, comm?: string) => void,
): void {
  const { pid, name, args, result, error } = call;
  const fd = /^\d+/.exec(args)?.[0] ?? "";
  switch (name) {
    case "open":
    case "openat":
    case "creat":
      if (result >= 0) count("vfs_open", pid);
      break;
    case "read":
    case "pread64":
      if (error !== "EBADF") count("vfs_read", pid);
      break;
    case "write":
    case "pwrite64":
      if (error !== "EBADF") count("vfs_write", pid);
      break;
    case "getdents64":
      count("filldir64", pid, Number(/ (\d+) entries /.exec(args)?.[1] ?? 0));
      break;
    case "clone":
    case "clone3":
    case "fork":
    case "vfork":
      count("kernel_clone", pid);
      if (result > 0) tasks.fork(pid, String(result));
      break;
    case "execve": {
      if (result !== 0) break;
      // The program is opened under the old name; so is its interpreter, which then looks for this file.
      count("vfs_open", pid);
      tasks.before(pid);
      tasks.rename(pid, /^"(?:[^"]*\/)?([^"/]*)"/.exec(args)?.[1] ?? "");
      break;
    }
    case "access":
    case "faccessat":
      if (args.includes('"/etc/ld.so.preload"')) count("vfs_open", pid, 1, tasks.takeBefore(pid));
      break;
    case "socket":
      if (result >= 0) tasks.socket(pid, String(result), /^AF_INET6?, SOCK_STREAM/.test(args));
      break;
    case "connect":
      if (tasks.isTcp(pid, fd)) count("tcp_connect", pid);
      break;
    case "accept":
    case "accept4":
      if (tasks.isTcp(pid, fd)) count("inet_csk_accept", pid);
      if (result >= 0) tasks.socket(pid, String(result), true);
      break;
  }
}
