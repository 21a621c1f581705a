/**
 * The built-in workloads by name.
 *
 * @module
 */

import { nearNames } from "../image/near.ts";
import {
  type BuiltinWorkload,
  type Parameters,
  parseParameters,
  parseWords,
  type Scenario,
  scenario,
} from "./scenario.ts";
import {
  execWorkload,
  forkWorkload,
  memoryWorkload,
  openfailWorkload,
  rwWorkload,
} from "./scenarios/calls.ts";
import { catWorkload } from "./scenarios/cat.ts";
import { databaseWorkload } from "./scenarios/database.ts";
import { ddWorkload } from "./scenarios/dd.ts";
import { echoWorkload } from "./scenarios/echo.ts";
import { gitWorkload } from "./scenarios/git.ts";
import { hogWorkload } from "./scenarios/hog.ts";
import { interactiveWorkload } from "./scenarios/interactive.ts";
import { cronWorkload, forkStormWorkload, hogsWorkload as cpuHogsWorkload } from "./scenarios/load.ts";
import { pipelineWorkload } from "./scenarios/pipeline.ts";
import { sleepersWorkload } from "./scenarios/sleepers.ts";
import { cpWorkload, findWorkload, grepWorkload, lsWorkload } from "./scenarios/source_tree.ts";
import { threadPoolWorkload } from "./scenarios/thread_pool.ts";
import { treeWorkload } from "./scenarios/tree.ts";
import { connectVerb, execveVerb, nanosleepVerb, openatVerb, openVerb, readVerb } from "./scenarios/verbs.ts";
import { webWorkload } from "./scenarios/web.ts";
import type { Workload } from "./workload.ts";

const SCENARIOS: readonly Scenario[] = [
  scenario({
    name: "cat",
    summary: "cat of two files, from execve to exit",
    exercises: "exec, path walk, reads",
    parameters: {},
    make: () => catWorkload(),
  }),
  scenario({
    name: "cp",
    summary: "cp -r of a folder",
    exercises: "directories, reads, writes, create",
    parameters: { files: 20 },
    make: ({ files }) => cpWorkload(files),
  }),
  scenario({
    name: "cpuhogs",
    summary: "programs that compute, nice and less nice ones",
    exercises: "scheduling, preemption, load",
    parameters: { hogs: 4, ms: 100, levels: 4 },
    make: ({ hogs, ms, levels }) => cpuHogsWorkload(hogs, ms, levels),
  }),
  scenario({
    name: "cron",
    summary: "a daemon that starts programs at times",
    exercises: "timers, fork, exec, niceness, idle CPUs",
    parameters: { jobs: 3, rounds: 2, seconds: 10 },
    make: ({ jobs, rounds, seconds }) => cronWorkload(jobs, rounds, seconds),
  }),
  scenario({
    name: "database",
    summary: "random reads of a table and durable commits to a log, on a disk",
    exercises: "ext4, page cache, block layer, journal",
    parameters: { readers: 2, reads: 40, commits: 10, blocks: 4096 },
    make: databaseWorkload,
  }),
  scenario({
    name: "dd",
    summary: "a copy in blocks of 4 KiB",
    exercises: "reads, writes",
    parameters: { blocks: 16 },
    make: ({ blocks }) => ddWorkload(blocks),
  }),
  scenario({
    name: "echo",
    summary: "an echo server whose clients are hosts behind a lossy link",
    exercises: "sockets, TCP, interrupts, retransmissions, fork",
    parameters: { clients: 3, requests: 4, loss: 5, latency: 500 },
    make: (options) => echoWorkload(options),
  }),
  scenario({
    name: "exec",
    summary: "a shell that runs /bin/true again and again",
    exercises: "fork, exec, exit, wait",
    parameters: { times: 1 },
    make: ({ times }) => execWorkload(times),
  }),
  scenario({
    name: "find",
    summary: "find over a folder",
    exercises: "directories, attributes",
    parameters: { files: 40 },
    make: ({ files }) => findWorkload(files),
  }),
  scenario({
    name: "fork",
    summary: "children that do nothing, made and waited for",
    exercises: "fork, exit, wait",
    parameters: { children: 1 },
    make: ({ children }) => forkWorkload(children),
  }),
  scenario({
    name: "forkstorm",
    summary: "programs that make children as fast as they can",
    exercises: "fork, exit, wait, run queues, balancing",
    parameters: { parents: 2, children: 20 },
    make: ({ parents, children }) => forkStormWorkload(parents, children),
  }),
  scenario({
    name: "git",
    summary: "commits: objects, lock files, a ref",
    exercises: "create, fsync, link, rename, fork, exec",
    parameters: { commits: 3, files: 4 },
    make: ({ commits, files }) => gitWorkload(commits, files),
  }),
  scenario({
    name: "grep",
    summary: "grep -r over a folder",
    exercises: "directories, path walk, reads",
    parameters: { files: 40 },
    make: ({ files }) => grepWorkload(files),
  }),
  scenario({
    name: "hog",
    summary: "a program that takes more memory than there is",
    exercises: "page faults, reclaim, swap, OOM kill",
    parameters: { memory: 16, swap: 8 },
    make: ({ memory, swap }) => hogWorkload(memory, swap),
  }),
  scenario({
    name: "interactive",
    summary: "bash reads lines and runs what they name",
    exercises: "libc functions, uprobes, fork, exec, wait",
    parameters: { lines: 4 },
    make: ({ lines }) => interactiveWorkload(lines),
  }),
  scenario({
    name: "ls",
    summary: "ls -l of a folder",
    exercises: "directories, attributes, extended attributes",
    parameters: { files: 40 },
    make: ({ files }) => lsWorkload(files),
  }),
  scenario({
    name: "memory",
    summary: "memory mapped and unmapped, a heap that grows and shrinks",
    exercises: "mmap, munmap, brk",
    parameters: { times: 1 },
    make: ({ times }) => memoryWorkload(times),
  }),
  scenario({
    name: "openfail",
    summary: "a missing file, opened again and again",
    exercises: "path walk that fails",
    parameters: { times: 1 },
    make: ({ times }) => openfailWorkload(times),
  }),
  scenario({
    name: "pipeline",
    summary: "a shell that runs cat FILE | wc -l in a loop",
    exercises: "fork, exec, pipes, wait",
    parameters: { rounds: 3 },
    make: ({ rounds }) => pipelineWorkload(rounds),
  }),
  scenario({
    name: "rw",
    summary: "a file opened, written, read and closed",
    exercises: "open, write, read, close",
    parameters: { times: 1 },
    make: ({ times }) => rwWorkload(times),
  }),
  scenario({
    name: "sleepers",
    summary: "tasks that sleep, again and again",
    exercises: "timers, scheduling",
    parameters: { tasks: 2, ns: 1_000_000, times: 5 },
    make: ({ tasks, ns, times }) => sleepersWorkload(tasks, ns, times),
  }),
  scenario({
    name: "threads",
    summary: "a pool of threads that take jobs off a queue",
    exercises: "clone3, futex, exit of threads",
    parameters: { threads: 4, jobs: 20 },
    make: (parameters) => threadPoolWorkload(parameters),
  }),
  scenario({
    name: "tree",
    summary: "directories and files made, renamed and removed",
    exercises: "directories, create, rename, unlink",
    parameters: { dirs: 5 },
    make: ({ dirs }) => treeWorkload(dirs),
  }),
  scenario({
    name: "read",
    summary: "verb: a file is read",
    exercises: "read, pread",
    parameters: { path: "/etc/hosts", times: 1 },
    make: ({ path, times }) => readVerb(path, times),
  }),
  scenario({
    name: "nanosleep",
    summary: "verb: a program sleeps",
    exercises: "timers",
    parameters: { ns: 1_000_000 },
    make: ({ ns }) => nanosleepVerb(ns),
  }),
  scenario({
    name: "open",
    summary: "verb: open(PATH)",
    exercises: "open, path walk",
    parameters: { path: "/etc/hosts" },
    make: ({ path }) => openVerb(path),
  }),
  scenario({
    name: "openat",
    summary: "verb: openat(PATH)",
    exercises: "openat, path walk",
    parameters: { path: "/etc/hosts" },
    make: ({ path }) => openatVerb(path),
  }),
  scenario({
    name: "execve",
    summary: "verb: a program is executed",
    exercises: "exec, mmap",
    parameters: { path: "/bin/true", args: "" },
    rest: true,
    make: ({ path, args }) => execveVerb(path, args),
  }),
  scenario({
    name: "web",
    summary: "a web server and its clients on loopback",
    exercises: "sockets, TCP, sendfile, fork",
    parameters: { clients: 3, requests: 2, size: 20_000 },
    make: ({ clients, requests, size }) => webWorkload(clients, requests, size),
  }),
  scenario({
    name: "connect",
    summary: "verb: a TCP connection to an address",
    exercises: "sockets, TCP",
    parameters: { host: "127.0.0.1", port: 80 },
    make: ({ host, port }) => connectVerb(host, port),
  }),
];

/** All built-in workloads, by name. */
export function builtinWorkloads(): readonly BuiltinWorkload[] {
  return SCENARIOS;
}

/**
 * A built-in workload: `cat`, or with parameters `sleepers:tasks=4,ns=500000,times=10`, in short
 * `sleepers:4,500000,10`, or as words: `sleepers 4 500000 10`, `openat /etc/hosts`.
 *
 * ```ts
 * import { builtinWorkload } from "./builtin.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(builtinWorkload("dd:blocks=4").description, "a copy of 4 blocks of 4 KiB");
 * ```
 *
 * @throws {Error} When there is no workload of that name, or a parameter is wrong
 */
export function builtinWorkload(specification: string, parameters: Parameters = {}): Workload {
  const [, name = "", separator = "", text = ""] = /^\s*([^:\s]*)([:\s]?)\s*(.*?)\s*$/s.exec(specification) ??
    [];
  const found = SCENARIOS.find((candidate) => candidate.name === name);
  if (found === undefined) {
    const names = SCENARIOS.map((candidate) => candidate.name);
    const near = nearNames(name, names)[0];
    const hint = near === undefined ? `the built-in ones are ${names.join(", ")}` : `did you mean "${near}"?`;
    throw new Error(`Cannot run workload "${name}": there is none of that name; ${hint}`);
  }
  const given = separator === ":"
    ? parseParameters(found, text)
    : parseWords(found, text === "" ? [] : text.split(/\s+/));
  return found.make({ ...given, ...parameters });
}
