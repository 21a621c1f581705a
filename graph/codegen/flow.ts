/**
 * What generated code needs to know of the flow through statements: what leaves, what goes on, what a round costs.
 *
 * @module
 */

import { children, type Ir, type IrStatement } from "../ir.ts";
import { innerStatements, ownExpressions } from "../statements.ts";

/** Whether a statement leaves the `do` or block that it stands in. */
export function returns(statement: IrStatement): boolean {
  return statement.op === "return" || innerStatements<Ir>(statement).some((list) => list.some(returns));
}

/** Whether what follows a statement may be left out. */
export function mayLeave(statement: IrStatement): boolean {
  return ["return", "break", "continue", "exit"].includes(statement.op) ||
    innerStatements<Ir>(statement).some((list) => list.some(mayLeave));
}

/** Whether a statement goes on with the next round of the loop that it stands in. */
export function continues(statement: IrStatement): boolean {
  if (statement.op === "continue") return true;
  return statement.op === "if" && innerStatements<Ir>(statement).some((list) => list.some(continues));
}

/** What one round of a loop is reckoned as: one instruction for each statement and expression in it. */
export function cost(loop: IrStatement): number {
  const weight = (ir: Ir): number => 1 + children(ir).reduce((sum, child) => sum + weight(child), 0);
  const inner = innerStatements<Ir>(loop).flat();
  return 1 + inner.length +
    inner.flatMap((one) => ownExpressions<Ir>(one)).reduce((sum, ir) => sum + weight(ir), 0);
}
