/**
 * Directories of the in-memory file tree.
 *
 * @module
 */

import type { TraceFile, TraceTree } from "./file.ts";

/** What a path leads to. */
export type TraceNode =
  | { readonly kind: "file"; readonly file: TraceFile }
  | { readonly kind: "directory"; readonly directory: Directory };

/** What a directory does when someone makes or removes a directory in it. Results are 0 or -errno. */
export interface DirectoryOperations {
  mkdir(name: string): number;
  rmdir(name: string): number;
}

/** A directory: files and directories by name. */
export class Directory implements TraceTree {
  /** Permission bits. */
  readonly mode: number;
  readonly #below: number;
  /** Present where directories can be made by users. */
  operations: DirectoryOperations | null = null;
  readonly #children = new Map<string, TraceNode>();
  #fill: (() => void) | null = null;

  /** Directories below it have the mode `below` where nothing else is said. */
  constructor(mode = 0o755, below = mode) {
    this.mode = mode;
    this.#below = below;
  }

  /** Hangs a file; directories on the way appear by themselves. A file that is there is replaced. */
  add(path: string, file: TraceFile): void {
    const { parent, name } = this.#parentOf(path);
    parent.#children.set(name, { kind: "file", file });
  }

  /** A directory below this one, made if it isn't there. */
  directory(path: string, mode?: number, below?: number): Directory {
    return namesOf(path).reduce<Directory>((at, name) => at.#subdirectory(name, mode, below), this);
  }

  /** A directory whose contents are made when it is first looked into. */
  lazy(path: string, fill: (directory: Directory) => void): void {
    const directory = this.directory(path);
    directory.#fill = () => fill(directory);
  }

  /** Hangs a directory that also hangs elsewhere. */
  link(path: string, directory: Directory): void {
    const { parent, name } = this.#parentOf(path);
    parent.#children.set(name, { kind: "directory", directory });
  }

  /** Takes away a file, or a directory with all that is in it. */
  remove(path: string): void {
    const names = namesOf(path);
    const name = names.pop();
    const parent = this.find(names.join("/"));
    if (name !== undefined && parent?.kind === "directory") parent.directory.#children.delete(name);
  }

  /** One name in this directory. */
  child(name: string): TraceNode | undefined {
    this.#filled();
    return this.#children.get(name);
  }

  /** What a path below this directory leads to. */
  find(path: string): TraceNode | undefined {
    let node: TraceNode = { kind: "directory", directory: this };
    for (const name of namesOf(path)) {
      if (node.kind !== "directory") return undefined;
      const next: TraceNode | undefined = node.directory.child(name);
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  /** Names in it, in code unit order as `ls` sorts them. */
  names(): readonly string[] {
    this.#filled();
    return [...this.#children.keys()].sort();
  }

  #subdirectory(name: string, mode = this.#below, below = this.#below): Directory {
    const child = this.child(name);
    if (child?.kind === "directory") return child.directory;
    const directory = new Directory(mode, below);
    this.#children.set(name, { kind: "directory", directory });
    return directory;
  }

  #filled(): void {
    const fill = this.#fill;
    if (fill === null) return;
    this.#fill = null;
    fill();
  }

  #parentOf(path: string): { readonly parent: Directory; readonly name: string } {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw new Error(`Cannot add a file at "${path}": a path needs a name`);
    return { parent: this.directory(names.join("/")), name };
  }
}

/** The names of a path; `.` and empty ones are left out, `..` goes up. */
export function namesOf(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name === "..") names.pop();
    else names.push(name);
  }
  return names;
}
