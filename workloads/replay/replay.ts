/**
 * The replay of a recorded run as a workload.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import type { Workload, WorkloadReport } from "../workload.ts";
import type { ReplayOptions } from "./options.ts";
import { Player } from "./player.ts";
import type { RecordingSource } from "./read_lines.ts";
import { readRecording, type Recording } from "./recording.ts";

/**
 * Reads what `strace -f -ttt -T -o FILE COMMAND` wrote, plain or gzip, and makes a workload of it: the same pids and
 * command names, calls in their order and at their times, with their durations, results and errors. Virtual time 0 is the
 * first line. Whatever architecture it was recorded on, it replays on any.
 *
 * ```ts
 * import { replay } from "./replay.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const text = '1795320102.415782 openat(AT_FDCWD, "/etc/hosts", O_RDONLY) = 3 <0.000010>\n';
 * const workload = await replay(new TextEncoder().encode(text), { name: "one call" });
 * assertEquals(workload.description, "1 line of 1 process");
 * ```
 *
 * @throws {RecordingError} When it is empty, binary, cut short, or no strace output
 */
export async function replay(source: RecordingSource, options: ReplayOptions = {}): Promise<Workload> {
  return new Replay(await readRecording(source, options), options);
}

class Replay implements Workload {
  readonly name: string;
  readonly description: string;
  readonly epoch?: number;
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  #player: Player | null = null;

  constructor(recording: Recording, options: ReplayOptions) {
    this.#recording = recording;
    this.#options = options;
    const { label, lines, processes, epoch } = recording;
    this.name = `replay of ${label}`;
    this.description = `${count(lines, "line", "lines")} of ${
      count(processes.length, "process", "processes")
    }`;
    if (epoch !== undefined) this.epoch = Number(epoch / 1000n);
  }

  start(k: Kernel): void {
    this.#player = new Player(k, this.#recording, this.#options);
    this.#player.start();
  }

  report(): WorkloadReport {
    if (this.#player === null) throw new Error(`Cannot report on the ${this.name}: it was not started`);
    return this.#player.report(this.name);
  }
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
