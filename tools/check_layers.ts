/**
 * Which folder may import which. `deno run --allow-read --allow-env --allow-sys tools/check_layers.ts [ROOT]` prints one sentence per
 * violation of the table below and of the house rules (`check_house.ts`), and exits with 1 if there is any error.
 *
 * @module
 */

import ts from "typescript";
import { checkHouseRules } from "./check_house.ts";
import { type Finding, formatFinding, readTree, type SourceFile } from "./check_tree.ts";

/** Folders that a folder may import besides itself. Folders that aren't named here are an error. */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  image: [],
  format: [],
  graph: ["image"],
  probes: ["graph", "image", "types"],
  bpftrace: ["graph", "image"],
  kernel: ["image"],
  workloads: ["kernel", "image", "format"],
  inspect: ["kernel", "image", "format"],
  session: ["graph", "kernel", "workloads", "image", "format"],
  commands: core("session", "inspect", "probes", "bpftrace", "mod.ts"),
  repl: core("session", "inspect", "probes", "bpftrace", "commands", "mod.ts"),
  notebook: core("session", "inspect", "probes", "bpftrace", "commands", "mod.ts"),
  cli: core("session", "inspect", "probes", "bpftrace", "commands", "repl", "mod.ts", "deno.json"),
  "mod.ts": core("session", "inspect", "probes", "bpftrace"),
  examples: ["mod.ts"],
  types: ["graph", "image"],
};

/** Folders that no product code may import and that may import everything. */
const OUTSIDE = new Set(["tests", "bench", "tools"]);

/** npm packages and `node:` modules, by the folders that may load them; a package that isn't here goes anywhere outside only. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "meriyah": ["graph", "probes", "bpftrace", "repl"],
  "string-width": ["format", "inspect", "commands", "repl", "cli", "notebook"],
  "@std/fmt/colors": ["format", "inspect", "commands", "repl", "cli"],
  "@std/cli/parse-args": ["commands", "repl", "cli"],
  "commander": ["cli"],
  "@commander-js/extra-typings": ["cli"],
  "typescript": ["repl"],
  "node:": ["commands", "repl", "cli", "notebook"],
  // Inflating in place, without streams and permissions, is all that the inner folders need of Node.
  "node:zlib": ["image", "kernel", "workloads", "commands", "repl", "cli", "notebook"],
};

/** Loaded by unit tests, which stand beside their source. */
const TEST_PACKAGES = new Set(["@std/assert", "fast-check"]);

function core(...more: string[]): string[] {
  return ["image", "graph", "kernel", "workloads", "format", "types", ...more];
}

/** One import, export-from or literal `import()` of a file. */
interface Import {
  readonly specifier: string;
  readonly line: number;
}

/** Checks every TypeScript file's imports against {@linkcode LAYERS}. */
export function checkLayers(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = [];
  for (const file of files) {
    if (!file.path.endsWith(".ts")) continue;
    const from = layerOf(file.path);
    if (OUTSIDE.has(from)) continue;
    if (LAYERS[from] === undefined) {
      const known = [...Object.keys(LAYERS), ...OUTSIDE].sort().join(", ");
      findings.push(error(file.path, 0, `"${from}" has no place in the import table; known are ${known}`));
      continue;
    }
    for (const { specifier, line } of importsOf(file)) {
      const message = judge(file.path, from, specifier);
      if (message !== undefined) findings.push(error(file.path, line, message));
    }
  }
  return findings;
}

function judge(path: string, from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) {
    const to = layerOf(resolve(path, specifier));
    if (to === from || LAYERS[from]!.includes(to)) return undefined;
    const may = LAYERS[from]!.length === 0 ? "nothing of ours" : LAYERS[from]!.join(", ");
    return `"${from}" must not import "${to}" ("${specifier}"); it may import ${may}`;
  }
  if (specifier === "@kscope/kscope") {
    return from === "examples" ? undefined : `"${from}" must import files, not the package "${specifier}"`;
  }
  if (/^(https?|jsr|npm|file):/.test(specifier)) {
    return `"${specifier}" is not in the import map; name it in deno.json and import it by that name`;
  }
  const isTest = path.endsWith("_test.ts");
  if (isTest && (TEST_PACKAGES.has(specifier) || specifier.startsWith("node:"))) return undefined;
  if (TEST_PACKAGES.has(specifier)) return `only tests may import "${specifier}"`;
  const allowed = PACKAGES[specifier] ?? PACKAGES[specifier.startsWith("node:") ? "node:" : ""] ?? [];
  if (isTest || allowed.includes(from)) return undefined;
  const may = allowed.length === 0 ? "no folder of the product may" : `only ${allowed.join(", ")} may`;
  return `"${from}" must not import "${specifier}"; ${may}`;
}

function importsOf(file: SourceFile): Import[] {
  const info = ts.preProcessFile(file.text, true, true);
  return info.importedFiles.map(({ fileName, pos }) => ({
    specifier: fileName,
    line: file.text.slice(0, pos).split("\n").length,
  }));
}

function resolve(path: string, specifier: string): string {
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function layerOf(path: string): string {
  return path.split("/")[0]!;
}

function error(path: string, line: number, message: string): Finding {
  return { level: "error", path, line, message };
}

if (import.meta.main) {
  const files = await readTree(Deno.args[0] ?? ".");
  const findings = [...checkLayers(files), ...checkHouseRules(files)];
  for (const finding of findings) console.error(formatFinding(finding));
  const errors = findings.filter((finding) => finding.level === "error").length;
  console.log(`Checked ${files.length} files: ${errors} violations, ${findings.length - errors} warnings`);
  if (errors > 0) Deno.exit(1);
}
