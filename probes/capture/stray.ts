/**
 * Names that no context has, in functions that run as they are.
 *
 * @module
 */

import type { ESTree } from "meriyah";
import { CONTEXT_NAMES } from "../../graph/context_names.ts";
import type { Expr } from "../../graph/nodes.ts";
import { propertyName } from "./expressions.ts";
import type { ParsedFunction } from "./parse.ts";
import { keyName } from "./patterns.ts";

/** The first `c.NAME` of a function, `c` being its context, where no context has that name; undefined if there is none. */
export function strayMember(parsed: ParsedFunction): Expr | undefined {
  const [context] = parsed.params;
  if (context?.type === "ObjectPattern") return strayPart(context, parsed);
  if (context?.type !== "Identifier") return undefined;
  const found = search(parsed.body, context.name);
  return found === undefined || found === "rebound"
    ? undefined
    : { op: "novalue", name: propertyName(found) ?? "", span: parsed.span(found) };
}

/** The same for a context that is taken apart. */
function strayPart(pattern: ESTree.ObjectPattern, parsed: ParsedFunction): Expr | undefined {
  for (const part of pattern.properties) {
    const name = part.type === "RestElement" ? undefined : keyName(part);
    if (name !== undefined && !CONTEXT_NAMES.includes(name)) {
      return { op: "novalue", name, span: parsed.span(part) };
    }
  }
  return undefined;
}

/** Where the name comes to stand for something else, nothing can be said any more. */
function search(node: ESTree.Node, context: string): ESTree.MemberExpression | "rebound" | undefined {
  if (rebinds(node, context)) return "rebound";
  if (node.type === "MemberExpression" && node.object.type === "Identifier" && node.object.name === context) {
    const name = propertyName(node);
    if (name !== undefined && !CONTEXT_NAMES.includes(name)) return node;
  }
  let first: ESTree.MemberExpression | undefined;
  for (const child of childrenOf(node)) {
    const found = search(child, context);
    if (found === "rebound") return found;
    first ??= found;
  }
  return first;
}

/** Whether a declaration, a parameter or an assignment gives the name another meaning. */
function rebinds(node: ESTree.Node, name: string): boolean {
  switch (node.type) {
    case "VariableDeclarator":
      return mentions(node.id, name);
    case "FunctionDeclaration":
    case "FunctionExpression":
      return node.id?.name === name || node.params.some((param) => mentions(param, name));
    case "ArrowFunctionExpression":
      return node.params.some((param) => mentions(param, name));
    case "ClassDeclaration":
    case "ClassExpression":
      return node.id?.name === name;
    case "CatchClause":
      return node.param !== null && node.param !== undefined && mentions(node.param, name);
    case "AssignmentExpression":
      return node.left.type !== "MemberExpression" && mentions(node.left, name);
    default:
      return false;
  }
}

function mentions(node: ESTree.Node, name: string): boolean {
  return node.type === "Identifier" && node.name === name ||
    childrenOf(node).some((child) => mentions(child, name));
}

function childrenOf(node: ESTree.Node): readonly ESTree.Node[] {
  return Object.values(node).flatMap((value: unknown) => Array.isArray(value) ? value : [value]).filter(
    isNode,
  );
}

function isNode(value: unknown): value is ESTree.Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
