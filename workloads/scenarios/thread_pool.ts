/**
 * A pool of threads that take jobs off a queue: a lock and a condition of a C library, on two futexes.
 *
 * @module
 */

import { programWorkload, type Steps } from "../program.ts";
import { name, NULL } from "../replay/build_value.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

/** What the workload is made of. */
export interface ThreadPoolParameters {
  /** Threads that work. */
  readonly threads: number;
  /** Jobs that are done in all. */
  readonly jobs: number;
}

/** Words of the pool, by their place in a page. */
const LOCK = 0;
const QUEUED = 4;
const DONE = 8;
/** Nanoseconds that a job takes, at most. */
const WORK = 200_000;

/** A lock as C libraries have it: 0 free, 1 taken, 2 taken and somebody waits. */
function* lock(sys: Sys, at: number): Steps<void> {
  if (sys.load(at) === 0) return sys.store(at, 1);
  for (let was = sys.load(at); was !== 0; was = sys.load(at)) {
    sys.store(at, 2);
    yield* sys.call("futex", at, name("FUTEX_WAIT_PRIVATE"), 2, NULL);
  }
  sys.store(at, 2);
}

function* unlock(sys: Sys, at: number): Steps<void> {
  const was = sys.load(at);
  sys.store(at, 0);
  if (was === 2) yield* sys.call("futex", at, name("FUTEX_WAKE_PRIVATE"), 1);
}

/** Takes jobs until it gets the one that says to stop. */
function* worker(sys: Sys, pool: number): Steps<void> {
  for (;;) {
    yield* lock(sys, pool + LOCK);
    for (let queued = sys.load(pool + QUEUED); queued === 0; queued = sys.load(pool + QUEUED)) {
      yield* unlock(sys, pool + LOCK);
      yield* sys.call("futex", pool + QUEUED, name("FUTEX_WAIT_PRIVATE"), 0, NULL);
      yield* lock(sys, pool + LOCK);
    }
    const jobs = sys.load(pool + QUEUED);
    if (jobs !== STOP) sys.store(pool + QUEUED, jobs - 1);
    yield* unlock(sys, pool + LOCK);
    if (jobs === STOP) return;
    // A job is as long as its turn says.
    yield* sys.compute(WORK / 4 + WORK / 8 * (jobs % 7));
    yield* lock(sys, pool + LOCK);
    sys.store(pool + DONE, sys.load(pool + DONE) + 1);
    yield* unlock(sys, pool + LOCK);
    yield* sys.call("futex", pool + DONE, name("FUTEX_WAKE_PRIVATE"), 1);
  }
}
const STOP = 0xffffffff;

function* pool(sys: Sys, { threads, jobs }: ThreadPoolParameters): Steps<number> {
  yield* startProgram(sys, "/usr/bin/pool", ["pool", String(threads), String(jobs)]);
  const at = yield* sys.mmap(4096, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
  const started: number[] = [];
  for (let i = 0; i < threads; i++) started.push(yield* sys.thread((thread) => worker(thread, at)));
  for (let job = 0; job < jobs; job++) {
    yield* lock(sys, at + LOCK);
    sys.store(at + QUEUED, sys.load(at + QUEUED) + 1);
    yield* unlock(sys, at + LOCK);
    yield* sys.call("futex", at + QUEUED, name("FUTEX_WAKE_PRIVATE"), 1);
  }
  for (let done = sys.load(at + DONE); done < jobs; done = sys.load(at + DONE)) {
    yield* sys.call("futex", at + DONE, name("FUTEX_WAIT_PRIVATE"), done, NULL);
  }
  yield* lock(sys, at + LOCK);
  sys.store(at + QUEUED, STOP);
  yield* unlock(sys, at + LOCK);
  yield* sys.call("futex", at + QUEUED, name("FUTEX_WAKE_PRIVATE"), 0x7fffffff);
  for (const thread of started) yield* sys.join(thread);
  return sys.load(at + DONE) === jobs ? 0 : 1;
}

/** The workload: threads that share a queue of jobs. */
export function threadPoolWorkload(parameters: ThreadPoolParameters): Workload {
  const { threads, jobs } = parameters;
  return programWorkload({
    name: "threads",
    description: `${threads} threads do ${jobs} jobs from one queue`,
    prepare: (k) => installProgram(k, "/usr/bin/pool", 16_384),
    programs: [{ program: (sys) => pool(sys, parameters) }],
  });
}
