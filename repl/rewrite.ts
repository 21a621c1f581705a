/**
 * Rewrites a line for evaluation at the prompt: what it declares at top level becomes assignments to the session's
 * scope, so that it lives on (and may be declared again), imports become awaited dynamic ones, and the value of the
 * last expression is returned.
 *
 * @module
 */

import { type ESTree, parse } from "meriyah";

/** JavaScript to run inside an async function, with the names that it declares. */
export interface Rewritten {
  readonly code: string;
  readonly names: readonly string[];
}

/** A piece of source to replace. */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

type Ranged = { readonly start?: number; readonly end?: number };

/** Rewrites JavaScript (types already stripped). Throws a SyntaxError with the place of what it can't read. */
export function rewrite(source: string): Rewritten {
  const program = parse(source, { module: true, next: true, ranges: true });
  const names: string[] = [];
  const edits: Edit[] = [];
  /** Function declarations: their values are set before anything else runs. */
  let hoisted = "";

  program.body.forEach((statement, index) => {
    const { start, end } = place(statement);
    switch (statement.type) {
      case "VariableDeclaration":
        edits.push({ start, end, text: assignments(statement, source, names) });
        break;
      case "FunctionDeclaration": {
        const name = statement.id?.name;
        if (name === undefined) break;
        names.push(name);
        hoisted += `${name} = ${source.slice(start, end)};\n`;
        edits.push({ start, end, text: "" });
        break;
      }
      case "ClassDeclaration": {
        const name = statement.id?.name;
        if (name === undefined) break;
        names.push(name);
        edits.push({ start, end, text: `${name} = ${source.slice(start, end)};` });
        break;
      }
      case "ImportDeclaration":
        edits.push({ start, end, text: importing(statement, names) });
        break;
      case "ExpressionStatement":
        if (index === program.body.length - 1) {
          const { start: from, end: to } = place(statement.expression);
          edits.push({ start, end, text: `return (${source.slice(from, to)});` });
        }
        break;
    }
  });
  const inner = edits.filter((edit) => edit.end > edit.start);
  return { code: importsThroughHost(hoisted + apply(source, inner)), names };
}

function apply(source: string, edits: readonly Edit[]): string {
  let text = "";
  let at = 0;
  for (const edit of edits) {
    text += source.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return text + source.slice(at);
}

function place(node: unknown): { start: number; end: number } {
  const { start, end } = node as Ranged;
  return { start: start ?? 0, end: end ?? 0 };
}

function assignments(declaration: ESTree.VariableDeclaration, source: string, names: string[]): string {
  const parts = declaration.declarations.map((one) => {
    collect(one.id, names);
    const { start, end } = place(one.id);
    const target = source.slice(start, end);
    if (one.init === null || one.init === undefined) return `(${target} = undefined)`;
    const init = place(one.init);
    return `(${target} = ${source.slice(init.start, init.end)})`;
  });
  return `${parts.join(", ")};`;
}

/** Names that a declaration's pattern binds. */
function collect(pattern: unknown, names: string[]): void {
  const node = pattern as
    | { type: "Identifier"; name: string }
    | { type: "ObjectPattern"; properties: readonly unknown[] }
    | { type: "ArrayPattern"; elements: readonly unknown[] }
    | { type: "Property"; value: unknown }
    | { type: "RestElement"; argument: unknown }
    | { type: "AssignmentPattern"; left: unknown }
    | null;
  switch (node?.type) {
    case "Identifier":
      names.push(node.name);
      break;
    case "ObjectPattern":
      for (const property of node.properties) collect(property, names);
      break;
    case "ArrayPattern":
      for (const element of node.elements) collect(element, names);
      break;
    case "Property":
      collect(node.value, names);
      break;
    case "RestElement":
      collect(node.argument, names);
      break;
    case "AssignmentPattern":
      collect(node.left, names);
      break;
  }
}

function importing(statement: ESTree.ImportDeclaration, names: string[]): string {
  const module = `await import(${JSON.stringify(statement.source.value)})`;
  const parts: string[] = [];
  for (const specifier of statement.specifiers) {
    const local = specifier.local.name;
    names.push(local);
    if (specifier.type === "ImportNamespaceSpecifier") return `${local} = ${module};`;
    const imported = specifier.type === "ImportDefaultSpecifier"
      ? "default"
      : (specifier.imported as { name?: string; value?: string }).name ??
        String((specifier.imported as { value?: string }).value);
    parts.push(`${JSON.stringify(imported)}: ${local}`);
  }
  return parts.length === 0 ? `${module};` : `({ ${parts.join(", ")} } = ${module});`;
}

/** `import(…)` becomes a call that resolves relative paths where the user stands, not in this file's folder. */
function importsThroughHost(code: string): string {
  // Runs over the rewritten text, which is parsed again to find the calls and not the word in a string.
  const program = parse(`async () => {${code}\n}`, { next: true, ranges: true, impliedStrict: false });
  const edits: Edit[] = [];
  walk(program, (node) => {
    if (node.type !== "ImportExpression") return;
    const { start } = place(node);
    edits.push({ start: start - 13, end: start - 13 + "import".length, text: "__import" });
  });
  edits.sort((a, b) => a.start - b.start);
  return apply(code, edits);
}

function walk(value: unknown, visit: (node: { readonly type: string }) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit);
  } else if (typeof value === "object" && value !== null) {
    if (typeof (value as { type?: unknown }).type === "string") visit(value as { type: string });
    for (const child of Object.values(value)) walk(child, visit);
  }
}
