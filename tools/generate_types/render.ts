/**
 * Writes merged declarations as a TypeScript module of interfaces.
 *
 * @module
 */

import type { Merged, MergedFunction, MergedShapes, MergedSlot } from "./merge.ts";

/** From so many equal entries on, an interface lists their names instead of repeating the entry: less to check. */
const GROUP = 8;

/** The declarations as text. `from` is the specifier of the module that has `Fn`, `Ptr` and the other words. */
export function renderModule(shapes: MergedShapes, from: string, command: string): string {
  const lines = [
    "// Generated from kernel images by tools/generate_types.ts; do not edit. Made by:",
    `//   ${command}`,
    `// Kernels: ${shapes.kernels.join(", ")}. A comment names those that have what the others lack.`,
    "// deno-fmt-ignore-file",
    "// deno-lint-ignore-file",
    `import type { Address, Bare, CArray, Fn, Ptr, PtrTo, Same, Tp } from ${JSON.stringify(from)};`,
    "",
    "/** Kernel functions by name. */",
    ...entries(
      "Functions",
      new Map([...shapes.functions].map(([name, shape]) => [name, functionText(shape)])),
    ),
    "",
    "/** Tracepoints by name. */",
    ...entries(
      "Tracepoints",
      new Map([...shapes.tracepoints].map(([name, shape]) => [name, tracepointText(shape)])),
    ),
    "",
    "/** Structs and unions by name. */",
    "export interface KernelTypes {",
    ...[...shapes.types.keys()].map((name) => `  ${name}: ${name};`),
    "}",
    "",
  ];
  for (const [name, shape] of shapes.types) {
    lines.push(`${comment(shape)}export interface ${name} {`);
    for (const slot of shape.slots) lines.push(`  ${comment(slot)}${slot.name}: ${slot.type};`);
    lines.push("}");
  }
  return lines.join("\n") + "\n";
}

/** An interface of entries by name. */
function entries(owner: string, texts: ReadonlyMap<string, string>): string[] {
  const byText = new Map<string, string[]>();
  for (const [name, text] of texts) byText.set(text, [...byText.get(text) ?? [], name]);
  const groups = [...byText].filter(([, names]) => names.length >= GROUP);
  const grouped = new Set(groups.flatMap(([, names]) => names));
  const parents = groups.map(([text, names]) =>
    `  Same<${names.map((name) => JSON.stringify(name)).join(" | ")}, ${text}>`
  );
  return [
    `export interface ${owner}${parents.length === 0 ? "" : ` extends\n${parents.join(",\n")}`} {`,
    ...[...texts].filter(([name]) => !grouped.has(name)).map(([name, text]) =>
      `  ${/^\w+$/.test(name) ? name : JSON.stringify(name)}: ${text};`
    ),
    "}",
  ];
}

function functionText(shape: MergedFunction): string {
  if (shape.ret === undefined) return `Bare${shape.on === undefined ? "" : `<${onUnion(shape.on)}>`}`;
  return `Fn<${slotsText(shape.slots)}, ${shape.ret}${onText(shape)}>`;
}

function tracepointText(shape: Merged): string {
  return `Tp<${slotsText(shape.slots)}${onText(shape)}>`;
}

function slotsText(slots: readonly MergedSlot[]): string {
  if (slots.length === 0) return "{}";
  return `{ ${slots.map((slot) => `${comment(slot)}${slot.name}: ${slot.type}`).join("; ")} }`;
}

function onText(shape: Merged): string {
  return shape.on === undefined ? "" : `, ${onUnion(shape.on)}`;
}

function onUnion(on: readonly string[]): string {
  return on.map((kernel) => JSON.stringify(kernel)).join(" | ");
}

function comment(slot: { readonly on?: readonly string[] }): string {
  return slot.on === undefined ? "" : `/** ${slot.on.join(", ")} only */ `;
}
