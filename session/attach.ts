/**
 * Attaches a program to a kernel: compiles its graph against the kernel's image, registers what it needs there, and
 * keeps score.
 *
 * @module
 */

import { BudgetError } from "../graph/codegen/budget.ts";
import { isGlob } from "../image/glob.ts";
import { type Attachment, compile, type CompiledProgram, type CompileOptions } from "../graph/compile.ts";
import type { Program } from "../graph/nodes.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { arm, type Armed, AttachError, type EntryRunner, type HitRunner } from "./arm.ts";
import { type ContextSource, ExitSignal, opaqueContext } from "./context.ts";
import { liveMaps } from "./live_maps.ts";
import { KernelHit } from "./hit.ts";
import { Output, type OutputOptions } from "./output.ts";
import { ProbeHandlerError } from "../kernel/kprobes/mod.ts";
import { Session } from "./session.ts";

/** How a program attaches. */
export interface AttachOptions extends OutputOptions, CompileOptions {
  /**
   * Go on when a handler throws: the failure is kept in `session.failures`. By default the run stops with a
   * `ProbeHandlerError` that names the probe and the virtual time.
   */
  readonly keepGoing?: boolean;
}

/**
 * Attaches a program to a kernel that stands still. `begin` probes run at once.
 *
 * @throws {ProgramError} If something in the program is wrong: all findings, with what would do.
 * @throws {AttachError} If the kernel refuses a probe, or all that a glob stands for: errno and reason.
 */
export function attach<M, R>(
  program: Program<M, R>,
  kernel: Kernel,
  options: AttachOptions = {},
): Session<M, R> {
  return attachWith(program, kernel, new Output(options), options);
}

/** Attaches a program whose output goes where that of others goes. */
export function attachWith<M, R>(
  program: Program<M, R>,
  kernel: Kernel,
  output: Output,
  options: AttachOptions,
): Session<M, R> {
  const compiled = compile(program, kernel.image, options);
  const hit = new KernelHit(kernel, output);
  const session = new Session<M, R>(kernel, compiled, hit, output);
  hit.onExit = (code) => session.exit(code);
  const armed: Armed[] = [];
  try {
    for (const attachment of compiled.attachments) {
      const { run, keep } = runner(kernel, hit, attachment, session, options.keepGoing ?? false);
      const one = armUnlessRefused(kernel, compiled, attachment, run, keep);
      if (one instanceof AttachError) session.refused.push(one);
      else armed.push(one);
    }
    checkGlobs(compiled, armed, session.refused);
  } catch (error) {
    for (const one of armed.reverse()) one.disarm();
    throw error;
  }
  session.adopt(armed);
  return session;
}

/** Arms an attach point. Of a glob, what this kernel refuses is left out: its release may differ from its image. */
function armUnlessRefused(
  kernel: Kernel,
  compiled: CompiledProgram,
  attachment: Attachment,
  run: HitRunner,
  keep: EntryRunner | undefined,
): Armed | AttachError {
  try {
    return arm(kernel, attachment, run, keep);
  } catch (error) {
    if (error instanceof AttachError && fromGlob(compiled, attachment)) return error;
    throw error;
  }
}

function fromGlob({ program }: CompiledProgram, { probe }: Attachment): boolean {
  const node = program.graph.probes[probe];
  const points = node === undefined ? [] : [node.point, ...node.more ?? []];
  return points.some((point) =>
    ["kprobe", "kretprobe", "fentry", "fexit"].includes(point.kind) && "target" in point &&
    isGlob(point.target)
  );
}

/** A glob of which everything is refused is refused. */
function checkGlobs(
  compiled: CompiledProgram,
  armed: readonly Armed[],
  refused: readonly AttachError[],
): void {
  if (refused.length === 0) return;
  const attached = new Set(armed.map((one) => one.attachment.probe));
  const lost = compiled.attachments.find((attachment) => !attached.has(attachment.probe));
  const reason = refused.find((error) => error.probe === lost?.name);
  if (reason !== undefined) throw reason;
}

/** The functions that run one hit of an attach point, and the entry of one that will return. */
function runner(
  kernel: Kernel,
  hit: KernelHit,
  attachment: Attachment,
  session: Session,
  keepGoing: boolean,
): { readonly run: HitRunner; readonly keep: EntryRunner | undefined } {
  const { handler, at, name, entry } = attachment;
  const maps = liveMaps(session.compiled, hit);
  const inKernel = ["kprobe", "kretprobe", "fentry", "fexit"].includes(at.point.kind);
  const func = "target" in at.point ? at.point.target : "";
  const label = name.replace(/^([ku](ret)?probe|fentry|fexit):/, "");
  const point = {
    probe: name,
    func,
    address: inKernel ? kernel.image.func(func)?.address ?? NaN : NaN,
    kind: at.point.kind,
    user: at.point.kind === "uprobe" || at.point.kind === "uretprobe",
  };
  let context: object | undefined;
  const runOpaque = (fn: (context: never) => unknown): unknown =>
    fn((context ??= opaqueContext(hit, sourceOf(attachment), maps)) as never);
  let overBudget = 0;
  const failed = (error: unknown): void => {
    if (error instanceof ExitSignal) return;
    const failure = new ProbeHandlerError(at.point.kind, label, kernel.now(), error);
    if (error instanceof BudgetError) {
      // It ended this hit alone. The first time tells enough.
      if (overBudget++ === 0) session.failures.push(failure);
      return;
    }
    if (!keepGoing) throw failure;
    session.failures.push(failure);
  };
  const run: HitRunner = (regs, record, instance) => {
    // After exit() nothing runs but what ends the program.
    if (session.exited && at.point.kind !== "end") return;
    hit.kept = instance === null ? undefined : instance.note;
    hit.point = point;
    hit.regs = regs;
    hit.record = record;
    hit.instance = instance;
    hit.runOpaque = runOpaque;
    try {
      handler(hit);
    } catch (error) {
      failed(error);
    }
  };
  if (entry === undefined) return { run, keep: undefined };
  const keep: EntryRunner = (regs) => {
    hit.point = point;
    hit.regs = regs;
    hit.record = null;
    hit.instance = null;
    hit.runOpaque = runOpaque;
    try {
      return entry(hit);
    } catch (error) {
      failed(error);
      return undefined;
    }
  };
  return { run, keep };
}

function sourceOf({ at }: Attachment): ContextSource {
  switch (at.point.kind) {
    case "kprobe":
    case "kretprobe":
    case "fentry":
    case "fexit":
      return {
        kind: "function",
        prototype: at.prototype,
        returns: at.point.kind === "kretprobe" || at.point.kind === "fexit",
      };
    case "uprobe":
    case "uretprobe":
      return { kind: "function", prototype: undefined, returns: at.point.kind === "uretprobe" };
    case "tracepoint":
      return at.tracepoint === undefined ? { kind: "plain" } : { kind: "record", tracepoint: at.tracepoint };
    default:
      return { kind: "plain" };
  }
}
