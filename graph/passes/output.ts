/**
 * Pass: what print and printf are given.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import type { Report } from "../diagnostic.ts";
import { expressions, type Ir, type IrStep, statementsIn } from "../ir.ts";
import { typeText } from "../types.ts";

const CONVERSION = /%(?:%|[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|j|z|t)?(rx|rh|gr|[diuoxXcpsr]))/g;
const ANY_PERCENT = /%[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|j|z|t)?(?:rx|rh|gr|.|$)/gs;

/** Checks formats against their arguments, and that what prints can be read. */
export function checkOutput(steps: readonly IrStep[], image: KernelImage, report: Report): void {
  for (const statement of statementsIn(steps)) {
    switch (statement.op) {
      case "printf":
        checkFormat("printf", statement.format, statement.args, image, report);
        break;
      case "output":
        if (statement.form !== "time" && statement.form !== "join") {
          checkFormat(statement.form, statement.format, statement.args, image, report);
        }
        break;
      case "emit":
        checkRow(statement.row, image, report);
        break;
    }
  }
  for (const step of steps) {
    if (step.op === "filter" || step.op === "limit" || step.op === "sample") continue;
    for (const ir of expressions(step)) checkPrintable(ir, image, report);
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

/** A row is a record. */
function checkRow(row: Ir, image: KernelImage, report: Report): void {
  const { kind } = row.type;
  if (kind === "record" || kind === "unknown") return;
  report("error", `A row is made of named columns, not of a ${typeText(row.type, image)}`, {
    span: row.span,
    hint: "return an object: { file: …, bytes: … }",
  });
}

function checkFormat(
  name: string,
  format: string,
  args: readonly Ir[],
  image: KernelImage,
  report: Report,
): void {
  const verbs: string[] = [];
  for (const [text] of format.matchAll(ANY_PERCENT)) {
    const verb = [...text.matchAll(CONVERSION)][0];
    if (verb === undefined) {
      report("error", `${name}: "${text}" is no conversion`, { hint: "%% prints a percent sign" });
      return;
    }
    if (verb[1] !== undefined) verbs.push(verb[1]);
  }
  if (verbs.length !== args.length) {
    report(
      "error",
      `${name}: the format takes ${verbs.length} value${
        verbs.length === 1 ? "" : "s"
      }, but ${args.length} are given`,
    );
    return;
  }
  verbs.forEach((verb, i) => {
    const arg = args[i];
    if (arg === undefined || fits(verb, arg)) return;
    report("error", `${name}: %${verb} does not take a ${typeText(arg.type, image)}`, { span: arg.span });
  });
}

function fits(verb: string, arg: Ir): boolean {
  const kind = arg.type.kind;
  if (kind === "unknown" || verb === "s") return true;
  if (verb.startsWith("r")) return kind === "string" || kind === "array" || kind === "buffer";
  if (verb === "c") return kind === "int" || kind === "string";
  return kind === "int" || kind === "float" || kind === "bool" || kind === "pointer" || kind === "bigint";
}
