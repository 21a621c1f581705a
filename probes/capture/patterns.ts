/**
 * Parameters and destructuring: names bound to parts of the context.
 *
 * @module
 */

import type { ESTree } from "meriyah";
import { type Capture, property } from "./expressions.ts";
import { type Meaning, NotCaptured, type Scope } from "./scope.ts";

/** Binds the names of a pattern to parts of a meaning. Raises `NotCaptured`. */
export function bindPattern(pattern: ESTree.Node, meaning: Meaning, scope: Scope, capture: Capture): void {
  const span = capture.span(pattern);
  capture.spend(pattern);
  switch (pattern.type) {
    case "Identifier":
      scope.bind(pattern.name, meaning);
      return;
    case "ObjectPattern":
      for (const part of pattern.properties) {
        if (part.type === "RestElement") {
          throw new NotCaptured("a rest pattern takes what is not named", capture.span(part));
        }
        const name = keyName(part);
        if (name === undefined) {
          throw new NotCaptured("a computed name is not known before the probe runs", capture.span(part));
        }
        bindPattern(part.value, property(meaning, name, scope, capture.span(part)), scope, capture);
      }
      return;
    case "ArrayPattern":
      if (meaning.is !== "expr") throw new NotCaptured("only an array can be taken apart by position", span);
      for (const [index, element] of pattern.elements.entries()) {
        if (element === null) continue;
        const at = capture.span(element);
        const expr = {
          op: "index",
          base: meaning.expr,
          index: { op: "literal", value: index, span: at },
          span: at,
        } as const;
        bindPattern(element, { is: "expr", expr }, scope, capture);
      }
      return;
    case "AssignmentPattern":
      throw new NotCaptured("a default value has no counterpart in a probe", span);
    case "RestElement":
      throw new NotCaptured("a rest pattern takes what is not named", span);
    default:
      throw new NotCaptured("such a pattern has no counterpart in a probe", span);
  }
}

/** The name of a part of an object pattern, where the source spells it. */
export function keyName(part: ESTree.Property): string | undefined {
  if (part.key.type === "Identifier" && !part.computed) return part.key.name;
  return part.key.type === "Literal" && typeof part.key.value === "string" ? part.key.value : undefined;
}
