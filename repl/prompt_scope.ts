/**
 * The names that a line at the prompt starts with.
 *
 * @module
 */

import type { Live } from "../commands/live.ts";
import { programsOf } from "../commands/programs.ts";
import { object } from "../inspect/object.ts";
import * as api from "../mod.ts";
import type { Scope } from "./evaluator.ts";

/** Everything that a script can import, bound to the live kernel where it needs one, and what looks at that kernel. */
export function promptScope(live: Live): Scope {
  const { kernel } = live;
  return {
    ...api,
    kernel,
    run: (given: unknown, options?: api.RunOptions) => api.run(programsOf(given), options),
    attach: (program: unknown) => live.attach(program),
    explain: (program: unknown) => api.explain(api.asProgram(program), kernel.image),
    object: (type: string, address: number | bigint) => object(kernel, type, address),
    task: (pid: number) => {
      const found = kernel.tasks.byPid(pid);
      if (found === undefined) throw new Error(`There is no task with pid ${pid}; .tasks lists them`);
      return object(kernel, "struct task_struct", found.address);
    },
  };
}
