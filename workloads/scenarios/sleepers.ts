/**
 * Tasks that sleep, again and again: the smallest workload with waiting and several CPUs.
 *
 * @module
 */

import { programWorkload } from "../program.ts";
import type { Workload } from "../workload.ts";

/** The workload: `tasks` programs, each of which sleeps `times` times for `ns` nanoseconds. */
export function sleepersWorkload(tasks: number, ns: number, times: number): Workload {
  return programWorkload({
    name: "sleepers",
    description: `${tasks} tasks sleep ${times} times for ${ns} ns`,
    programs: Array.from({ length: tasks }, (_, at) => ({
      comm: `sleeper${at + 1}`,
      *program(sys) {
        for (let time = 0; time < times; time++) yield* sys.nanosleep(ns);
      },
    })),
  });
}
