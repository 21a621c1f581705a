/**
 * Writes merged declarations as a TypeScript module of interfaces.
 *
 * @module
 */

import type { Merged, MergedFunction, MergedShapes, MergedSlot } from "./merge.ts";

/** The declarations as text. `from` is the specifier of the module that has `Fn`, `Ptr` and the other words. */
export function renderModule(shapes: MergedShapes, from: string, command: string): string {
  const lines = [
    "// Generated from kernel images by tools/generate_types.ts; do not edit. Made by:",
    `//   ${command}`,
    `// Kernels: ${shapes.kernels.join(", ")}. A comment names those that have what the others lack.`,
    "// deno-fmt-ignore-file",
    "// deno-lint-ignore-file",
    `import type { Address, Bare, CArray, Fn, Ptr, PtrTo, Tp } from ${JSON.stringify(from)};`,
    "",
    "/** Kernel functions by name. */",
    "export interface Functions {",
  ];
  for (const [name, shape] of shapes.functions) lines.push(functionLine(name, shape));
  lines.push("}", "", "/** Tracepoints by name. */", "export interface Tracepoints {");
  for (const [name, shape] of shapes.tracepoints) {
    lines.push(`  ${JSON.stringify(name)}: Tp<${slotsText(shape.slots)}${onText(shape)}>;`);
  }
  lines.push("}", "", "/** Structs and unions by name. */", "export interface KernelTypes {");
  for (const name of shapes.types.keys()) lines.push(`  ${name}: ${name};`);
  lines.push("}", "");
  for (const [name, shape] of shapes.types) {
    lines.push(`${comment(shape)}export interface ${name} {`);
    for (const slot of shape.slots) lines.push(`  ${comment(slot)}${slot.name}: ${slot.type};`);
    lines.push("}");
  }
  return lines.join("\n") + "\n";
}

function functionLine(name: string, shape: MergedFunction): string {
  const key = /^\w+$/.test(name) ? name : JSON.stringify(name);
  if (shape.ret === undefined) {
    return `  ${key}: Bare${shape.on === undefined ? "" : `<${onUnion(shape.on)}>`};`;
  }
  return `  ${key}: Fn<${slotsText(shape.slots)}, ${shape.ret}${onText(shape)}>;`;
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
