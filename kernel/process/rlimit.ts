/**
 * Resource limits: `signal_struct.rlim`.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { field, sizeOfStruct } from "./objects.ts";
import { TASK, type Task } from "./task.ts";

/** Number of limits. */
export const RLIM_NLIMITS = 16;
/** Size of the stack. */
export const RLIMIT_STACK = 3;
/** Size of core dumps. */
export const RLIMIT_CORE = 4;
/** Processes of a user. */
export const RLIMIT_NPROC = 6;
/** Descriptors. */
export const RLIMIT_NOFILE = 7;
/** Address space. */
export const RLIMIT_AS = 9;
/** Signals that are queued for a user. */
export const RLIMIT_SIGPENDING = 11;
/** Highest nice value, as 20 - nice. */
export const RLIMIT_NICE = 13;

/** Nothing is too much. */
export const RLIM_INFINITY = 0xffffffffffffffffn;

const RLIM = field("signal_struct", "rlim");
const CUR = field("rlimit", "rlim_cur");
const MAX = field("rlimit", "rlim_max");

/** Processes and queued signals of a user that 3 GB of memory allow, as the recorded machine had. */
const BY_MEMORY = 11_835n;
/** What `INIT_RLIMITS` gives the first task. */
const INITIAL: readonly (readonly [number, bigint, bigint])[] = [
  [RLIMIT_STACK, 8_388_608n, RLIM_INFINITY],
  [RLIMIT_CORE, 0n, RLIM_INFINITY],
  [RLIMIT_NPROC, BY_MEMORY, BY_MEMORY],
  [RLIMIT_NOFILE, 1024n, 4096n],
  [8, 8_388_608n, 8_388_608n],
  [RLIMIT_SIGPENDING, BY_MEMORY, BY_MEMORY],
  [12, 819_200n, 819_200n],
  [RLIMIT_NICE, 0n, 0n],
  [14, 0n, 0n],
];

/** Address of a task's `struct rlimit` of a resource. */
export function rlimitAt(k: Kernel, task: Task, resource: number): Addr {
  return RLIM.at(k, TASK.signal.get(k, task.address)) + resource * sizeOfStruct(k, "rlimit");
}

/** The limits of the first process. */
export function initLimits(k: Kernel, signal: Addr): void {
  const size = sizeOfStruct(k, "rlimit");
  const word = k.image.pointerSize;
  const given = new Map(INITIAL.map(([resource, cur, max]) => [resource, [cur, max] as const]));
  for (let resource = 0; resource < RLIM_NLIMITS; resource++) {
    const [cur, max] = given.get(resource) ?? [RLIM_INFINITY, RLIM_INFINITY];
    const at = RLIM.at(k, signal) + resource * size;
    k.memory.writeBig(CUR.at(k, at), word, BigInt.asUintN(8 * word, cur));
    k.memory.writeBig(MAX.at(k, at), word, BigInt.asUintN(8 * word, max));
  }
}

/** The limits of a new process: its parent's. */
export function copyLimits(k: Kernel, from: Addr, to: Addr): void {
  const bytes = RLIM_NLIMITS * sizeOfStruct(k, "rlimit");
  k.memory.writeBytes(RLIM.at(k, to), k.memory.readBytes(RLIM.at(k, from), bytes));
}

/** A limit as both of its values; all bits set is no limit. */
export function readLimit(k: Kernel, task: Task, resource: number): readonly [cur: bigint, max: bigint] {
  const at = rlimitAt(k, task, resource);
  const word = k.image.pointerSize;
  return [k.memory.readBig(CUR.at(k, at), word, false), k.memory.readBig(MAX.at(k, at), word, false)];
}

/** Sets a limit. */
export function writeLimit(k: Kernel, task: Task, resource: number, cur: bigint, max: bigint): void {
  const at = rlimitAt(k, task, resource);
  const word = k.image.pointerSize;
  k.memory.writeBig(CUR.at(k, at), word, BigInt.asUintN(8 * word, cur));
  k.memory.writeBig(MAX.at(k, at), word, BigInt.asUintN(8 * word, max));
}

/** The soft limit; Infinity for none. */
export function limitOf(k: Kernel, task: Task, resource: number): number {
  const [cur] = readLimit(k, task, resource);
  return cur === BigInt.asUintN(8 * k.image.pointerSize, RLIM_INFINITY) ? Infinity : Number(cur);
}

/** Descriptors that a task may have; asked for at every open. */
export function maxDescriptors(k: Kernel): number {
  const at = rlimitAt(k, k.current, RLIMIT_NOFILE);
  const cur = k.memory.load(CUR.at(k, at), 4, false);
  return cur === 0xffffffff ? Infinity : cur;
}
