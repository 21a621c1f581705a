/**
 * Pass: drops what nobody uses: locals that are never read, and expressions that stand by themselves without an effect.
 *
 * @module
 */

import { children, expressions, type Ir, type IrStatement, type IrStep, statementsIn } from "../ir.ts";
import { changeStatement } from "../statements.ts";

/** Steps without what is not used. */
export function dropUnused(steps: readonly IrStep[]): readonly IrStep[] {
  let kept = steps;
  for (;;) {
    const used = new Set(kept.flatMap(expressions).flatMap(localsIn));
    const next = kept.flatMap((step): readonly IrStep[] => {
      switch (step.op) {
        case "filter":
        case "limit":
        case "sample":
          return [step];
        case "do": {
          const body = dropped(step.body, used);
          return body.length === 0 ? [] : [{ op: "do", body }];
        }
        default:
          return dropped([step], used);
      }
    });
    // What is dropped may have been the only use of something else.
    if (weight(next) === weight(kept)) return next;
    kept = next;
  }
}

function dropped(list: readonly IrStatement[], used: ReadonlySet<string>): readonly IrStatement[] {
  return list.flatMap((statement): readonly IrStatement[] => {
    switch (statement.op) {
      case "expr":
        return isIdle(statement.value) ? [] : [statement];
      case "let":
      case "set":
        if (used.has(statement.name)) return [statement];
        return isIdle(statement.value) ? [] : [{ op: "expr", value: statement.value }];
      default:
        return [
          changeStatement<Ir, Ir>(statement, { expr: (ir) => ir, body: (inner) => dropped(inner, used) }),
        ];
    }
  });
}

function localsIn(ir: Ir): readonly string[] {
  return ir.op === "local" ? [ir.name] : children(ir).flatMap(localsIn);
}

/** True for what may be left out: nothing is changed by it, and no error can come of it. */
function isIdle(ir: Ir): boolean {
  switch (ir.op) {
    case "const":
    case "local":
    case "mapHas":
    case "mapLen":
      return children(ir).every(isIdle);
    case "builtin":
      // Chance counts how often it was asked.
      return ir.name !== "rand";
    case "c":
    case "cNegate":
    case "cInvert":
    case "truth":
    case "tuple":
    case "fields":
    case "cond":
      return children(ir).every(isIdle);
    default:
      return false;
  }
}

/** How much there is in steps. */
function weight(steps: readonly IrStep[]): number {
  const size = (ir: Ir): number => 1 + children(ir).reduce((sum, child) => sum + size(child), 0);
  return statementsIn(steps).length + steps.flatMap(expressions).reduce((sum, ir) => sum + size(ir), 0);
}
