/**
 * The names that a line at the prompt starts with.
 *
 * @module
 */

import * as dsl from "../probes/mod.ts";
import type { Live } from "../commands/live.ts";
import { object } from "../inspect/object.ts";
import { run } from "../session/run.ts";
import type { Scope } from "./evaluator.ts";

/** The DSL, the live kernel, and what looks at it. */
export function promptScope(live: Live): Scope {
  const { kernel } = live;
  return {
    ...dsl,
    kernel,
    run,
    attach: (program: unknown) => live.attach(program),
    object: (type: string, address: number | bigint) => object(kernel, type, address),
    task: (pid: number) => {
      const found = kernel.tasks.byPid(pid);
      if (found === undefined) throw new Error(`There is no task with pid ${pid}; .tasks lists them`);
      return object(kernel, "struct task_struct", found.address);
    },
  };
}
