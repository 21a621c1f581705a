/**
 * Trees as lines of text.
 *
 * @module
 */

/** A node: its line, and what hangs below. */
export interface Node {
  readonly text: string;
  readonly children: readonly Node[];
}

/**
 * A tree as lines, each with its newline.
 *
 * ```ts
 * import { tree } from "./tree.ts";
 * const text = tree({ text: "a", children: [{ text: "b", children: [] }, { text: "c", children: [] }] });
 * if (text !== "a\n├─ b\n└─ c\n") throw new Error(text);
 * ```
 */
export function tree(node: Node): string {
  return `${node.text}\n${branches(node.children, "")}`;
}

function branches(nodes: readonly Node[], indent: string): string {
  return nodes.map((node, i) => {
    const last = i === nodes.length - 1;
    const below = branches(node.children, indent + (last ? "   " : "│  "));
    return `${indent}${last ? "└─ " : "├─ "}${node.text}\n${below}`;
  }).join("");
}
