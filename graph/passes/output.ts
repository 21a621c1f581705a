/**
 * Pass: what print and printf are given.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { expressions } from "../codegen/handler.ts";
import type { Report } from "../diagnostic.ts";
import type { Ir, IrStep } from "../ir.ts";
import { typeText } from "../types.ts";

const CONVERSION = /%(?:%|[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|j|z|t)?(rx|rh|gr|[diuoxXcpsr]))/g;
const ANY_PERCENT = /%[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|j|z|t)?(?:rx|rh|gr|.|$)/gs;

/** Checks formats against their arguments, and that what prints can be read. */
export function checkOutput(steps: readonly IrStep[], image: KernelImage, report: Report): void {
  for (const step of steps) {
    if (step.op === "printf") checkFormat(step.format, step.args, image, report);
    if (step.op === "printf" || step.op === "print" || step.op === "do") {
      for (const ir of expressions(step)) checkPrintable(ir, image, report);
    }
  }
}

function checkPrintable(ir: Ir, image: KernelImage, report: Report): void {
  if (ir.type.kind === "struct" && ir.op === "slice") {
    report("error", `Cannot take a whole ${typeText(ir.type, image)} here: it is not in memory`, {
      span: ir.span,
      hint: "use one of its parts",
    });
  }
}

function checkFormat(format: string, args: readonly Ir[], image: KernelImage, report: Report): void {
  const verbs: string[] = [];
  for (const [text] of format.matchAll(ANY_PERCENT)) {
    const verb = [...text.matchAll(CONVERSION)][0];
    if (verb === undefined) {
      report("error", `printf: "${text}" is no conversion`, { hint: "%% prints a percent sign" });
      return;
    }
    if (verb[1] !== undefined) verbs.push(verb[1]);
  }
  if (verbs.length !== args.length) {
    report(
      "error",
      `printf: the format takes ${verbs.length} value${
        verbs.length === 1 ? "" : "s"
      }, but ${args.length} are given`,
    );
    return;
  }
  verbs.forEach((verb, i) => {
    const arg = args[i];
    if (arg === undefined || fits(verb, arg)) return;
    report("error", `printf: %${verb} does not take a ${typeText(arg.type, image)}`, { span: arg.span });
  });
}

function fits(verb: string, arg: Ir): boolean {
  const kind = arg.type.kind;
  if (kind === "unknown" || verb === "s") return true;
  if (verb.startsWith("r")) return kind === "string" || kind === "array";
  if (verb === "c") return kind === "int" || kind === "string";
  return kind === "int" || kind === "float" || kind === "bool" || kind === "pointer" || kind === "bigint";
}
