/**
 * Reads the text files of a source tree, for the checks that look at all of it.
 *
 * @module
 */

/** One file of the tree: its path relative to the root, with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** What a check found. Errors fail the check, warnings are only shown. */
export interface Finding {
  readonly level: "error" | "warning";
  readonly path: string;
  /** 1-based line, or 0 where the finding is about the whole file. */
  readonly line: number;
  readonly message: string;
}

const SKIPPED = new Set([".git", "node_modules", "coverage", ".cache"]);
const TEXT = /(\.(ts|js|mjs|json|jsonc|md|sh|yml|yaml|txt|lock|bt|ipynb|html|svg)|^LICENSE|^\.git\w+|\/run)$/;

/** Reads every text file below `root`, sorted by path; binary files are listed with an empty text. */
export async function readTree(root: string): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  await walk(root, "", files);
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

async function walk(root: string, folder: string, files: SourceFile[]): Promise<void> {
  for await (const entry of Deno.readDir(`${root}/${folder}`)) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory) {
      if (!SKIPPED.has(entry.name)) await walk(root, path, files);
    } else if (entry.isFile) {
      files.push({ path, text: TEXT.test(path) ? await Deno.readTextFile(`${root}/${path}`) : "" });
    }
  }
}

/** `folder/file.ts:12: message`, as editors and CI logs take it. */
export function formatFinding(finding: Finding): string {
  const place = finding.line === 0 ? finding.path : `${finding.path}:${finding.line}`;
  return `${place}: ${finding.level}: ${finding.message}`;
}
