/**
 * What `ls` prints, on a terminal of 80 columns.
 *
 * @module
 */

import { S_IFDIR } from "../../kernel/fs/modes.ts";
import type { FileTree } from "./tree.ts";

/** Columns that busybox fills. */
const WIDTH = 79;

/** Names in columns, downwards. */
export function columns(names: readonly string[]): string {
  if (names.length === 0) return "";
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const across = Math.max(1, Math.floor(WIDTH / width));
  const rows = Math.ceil(names.length / across);
  let text = "";
  for (let row = 0; row < rows; row++) {
    let line = "";
    for (let at = row; at < names.length; at += rows) {
      line = line.padEnd((at - row) / rows * width) + names[at];
    }
    text += `${line}\n`;
  }
  return text;
}

/** `ls -la`: with `directory`, its names after itself and its parent; without, the files given. */
export function longListing(tree: FileTree, names: readonly string[], directory: string): string {
  const rows = directory === "" ? names : [".", "..", ...names];
  const lines = rows.map((name) => {
    const path = name === "." ? directory : name === ".." ? parentOf(directory) : joined(directory, name);
    return `${modeText(tree.mode(path) ?? 0)} ${String(links(tree, path)).padStart(4)} root     0        ${
      "0".padStart(9)
    } Nov 22 00:00 ${name}\n`;
  });
  return (directory === "" ? "" : "total 0\n") + lines.join("");
}

function joined(directory: string, name: string): string {
  return directory === "" ? name : `${directory}/${name}`;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** A directory has a link from its parent, from itself and from each directory in it. */
function links(tree: FileTree, path: string): number {
  const names = tree.list(path);
  if (typeof names === "number") return 1;
  return 2 + names.filter((name) => typeof tree.list(`${path}/${name}`) !== "number").length;
}

function modeText(mode: number): string {
  const bits = [..."rwxrwxrwx"].map((letter, at) => (mode >> (8 - at) & 1) === 1 ? letter : "-");
  return ((mode & S_IFDIR) !== 0 ? "d" : "-") + bits.join("");
}
