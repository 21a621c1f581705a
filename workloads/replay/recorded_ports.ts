/**
 * Which port a recorded connection got: its `connect` does not print it, but the `accept` that belongs to it does.
 *
 * @module
 */

import type { RecordedCall } from "./record.ts";
import type { Recording } from "./recording.ts";
import { type StraceValue, structField } from "./value.ts";

const CALLS: ReadonlySet<string> = new Set(["bind", "getsockname", "accept", "accept4"]);

/** One recorded `accept`. */
interface Accepted {
  /** When it returned, in nanoseconds of the recording. */
  readonly end: number;
  readonly listening: number;
  readonly peer: number;
}

/** The peers that recorded servers accepted, to be given out to the connections in their order. */
export class RecordedPorts {
  readonly #waiting: Accepted[] = [];

  constructor(recording: Recording) {
    const bound = new Map<string, number>();
    const parents = new Map(recording.processes.map(({ pid, parent }) => [pid, parent]));
    for (const call of recording.calls(CALLS)) {
      const fd = numberOf(call.args[0]?.value);
      const port = portOf(call.args[1]?.value);
      if (call.result.errno !== undefined || port === undefined) continue;
      if (call.name === "bind") bound.set(`${call.pid} ${fd}`, port);
      else if (call.name === "getsockname") {
        // Bound to any port: this one.
        if (bound.get(`${call.pid} ${fd}`) === 0) bound.set(`${call.pid} ${fd}`, port);
      } else {
        const listening = this.#listening(bound, parents, call, fd);
        this.#waiting.push({ end: call.time + (call.duration ?? 0), listening, peer: port });
      }
    }
    this.#waiting.sort((a, b) => a.end - b.end);
  }

  /** The port of the next connection to `listening` that begins at `time`; 0 where the recording tells of none. */
  take(listening: number, time: number): number {
    const at = this.#waiting.findIndex((one) =>
      (one.listening === listening || one.listening === 0) && one.end >= time
    );
    return at < 0 ? 0 : this.#waiting.splice(at, 1)[0]?.peer ?? 0;
  }

  /** The port that a descriptor listens on: bound by the process itself, or by the one that it was forked from. */
  #listening(
    bound: ReadonlyMap<string, number>,
    parents: ReadonlyMap<number, number | undefined>,
    call: RecordedCall,
    fd: number,
  ): number {
    let pid: number | undefined = call.pid;
    for (let depth = 0; pid !== undefined && depth < 64; depth++) {
      const port = bound.get(`${pid} ${fd}`);
      if (port !== undefined) return port;
      pid = parents.get(pid);
    }
    return 0;
  }
}

function numberOf(value: StraceValue | undefined): number {
  return value?.kind === "number" ? value.value : -1;
}

/** `sin_port=htons(80)` or `sin6_port`. */
function portOf(value: StraceValue | undefined): number | undefined {
  if (value?.kind !== "struct") return undefined;
  const port = structField(value, "sin_port") ?? structField(value, "sin6_port");
  const inner = port?.kind === "call" ? port.args[0]?.value : port;
  return inner?.kind === "number" ? inner.value : undefined;
}
