/**
 * What a throwing handler becomes.
 *
 * @module
 */

/** A probe's handler threw. The probe machinery itself is left as after a normal hit. */
export class ProbeHandlerError extends Error {
  /** Label of the probe: the symbol, with its offset. */
  readonly probe: string;
  /** Virtual time of the hit, in nanoseconds. */
  readonly time: number;

  /** `kind` is `kprobe` or `kretprobe`, `time` virtual nanoseconds, `cause` what was thrown. */
  constructor(kind: string, probe: string, time: number, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`Handler of ${kind} "${probe}" threw at ${seconds(time)} s: ${reason}`, { cause });
    this.name = "ProbeHandlerError";
    this.probe = probe;
    this.time = time;
  }
}

function seconds(ns: number): string {
  const whole = Math.floor(ns / 1e9);
  return `${whole}.${String(Math.floor(ns - whole * 1e9)).padStart(9, "0")}`;
}
