/**
 * The commands in which virtual time passes: `run` and `sleep`.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { builtinWorkload } from "../../workloads/builtin.ts";
import type { Workload } from "../../workloads/workload.ts";
import type { CommandIo } from "./builtins.ts";
import type { Shell } from "./shell.ts";

/** What `run` takes its workloads from. */
export interface WorkloadSource {
  /** Opens a recording. Rejects with a sentence. */
  replay(path: string): Promise<Workload>;
  /** Makes the workload that `run` without arguments runs and that goes on in the background of `sleep`; null: none was named. */
  readonly named: (() => Promise<Workload>) | null;
}

/** `run WORKLOAD [ARGS]`, `run replay FILE`, `run`. */
export async function runWorkload(shell: Shell, args: readonly string[], io: CommandIo): Promise<number> {
  let workload: Workload | null;
  try {
    workload = await open(shell, args);
  } catch (error) {
    io.message(`run: ${error instanceof Error ? error.message : String(error)}\n`);
    io.errno = "EINVAL";
    return 1;
  }
  if (workload === null) {
    io.message("run: name a workload: run WORKLOAD [ARGS], or run replay FILE\n");
    io.errno = "EINVAL";
    return 1;
  }
  const k = shell.kernel;
  workload.start(k);
  const outcome = k.scheduler.run();
  if (outcome.reason === "deadlock") {
    const waiting = outcome.blocked.map(({ comm, pid, functions }) =>
      `${comm} (${pid}) in ${functions[0] ?? "user space"}`
    );
    shell.note(`${workload.name}: still waiting: ${waiting.join(", ")}`);
  }
  for (const warning of workload.report().warnings) shell.note(warning);
  return 0;
}

async function open(shell: Shell, args: readonly string[]): Promise<Workload | null> {
  const [name, ...rest] = args;
  if (name === undefined) return await named(shell);
  if (name !== "replay") return builtinWorkload(rest.length === 0 ? name : `${name}:${rest.join(",")}`);
  const file = rest[0];
  if (file === undefined) throw new Error("a replay needs the file of a recording: run replay FILE");
  return await shell.workloads.replay(file);
}

/** The workload that was named beforehand: a new one each time. */
async function named(shell: Shell): Promise<Workload | null> {
  const { named } = shell.workloads;
  if (named === null) return null;
  const workload = await named();
  shell.startedNamed = true;
  return workload;
}

/** `sleep SECONDS`: the workload named beforehand begins with the first one, unless it ran already. */
export async function passTime(shell: Shell, args: readonly string[], io: CommandIo): Promise<number> {
  const seconds = Number(args[0]);
  if (args[0] === undefined || args[0] === "" || !(seconds >= 0) || seconds > 1e6) {
    io.message(`sleep: invalid number '${args[0] ?? ""}'\n`);
    io.errno = "EINVAL";
    return 1;
  }
  if (!shell.startedNamed) (await named(shell))?.start(shell.kernel);
  advance(shell.kernel, shell.kernel.clock.now + Math.round(seconds * 1e9));
  return 0;
}

/** Lets time pass up to `until`: tasks go on, and what is due happens. */
function advance(k: Kernel, until: number): void {
  if (!k.scheduler.idle) k.scheduler.run(until);
  while (k.events.nextTime <= until) k.events.runNext(k.clock);
  if (k.clock.now < until) k.clock.now = until;
}
