/**
 * House rules that no linter knows: nothing nondeterministic where results are made, no `any`, no paths of one
 * machine, no hosts, no package.json, no overlong files.
 *
 * @module
 */

import ts from "typescript";
import type { Finding, SourceFile } from "./check_tree.ts";

/** Lines from which a file's length is a question. */
const MAX_LINES = 500;

/** Folders that may look at the wall clock. */
const MAY_KNOW_TIME = new Set(["cli", "repl", "notebook", "bench", "tools", "tests"]);

/** Where links may lead: what a reader can look up. */
const HOSTS = new Set([
  "github.com",
  "www.kernel.org",
  "docs.kernel.org",
  "git.kernel.org",
  "elixir.bootlin.com",
  "man7.org",
  "bpftrace.org",
  "drgn.readthedocs.io",
  "docs.deno.com",
  "deno.com",
  "no-color.org",
  "www.w3.org",
  "example.com",
]);

/** Paths that exist on one machine only. */
const MACHINE_PATH = /(?<![\w.])(\/root\/|\/work\/|\/home\/\w+\/|\/Users\/\w+\/|[A-Z]:\\Users\\)/;

/** Clocks and generators that differ from run to run: `object.member`, or a constructor without arguments. */
const NONDETERMINISTIC = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "crypto.randomUUID",
  "crypto.getRandomValues",
]);

/** Checks every file against the house rules. */
export function checkHouseRules(files: readonly SourceFile[]): Finding[] {
  return files.flatMap((file) => [...checkNames(file), ...checkText(file), ...checkCode(file)]);
}

function checkNames(file: SourceFile): Finding[] {
  const name = file.path.split("/").at(-1)!;
  if (name === "package.json" || name === "package-lock.json") {
    return [error(file, 0, `${name} makes Deno manage node_modules by hand; keep dependencies in deno.json`)];
  }
  if (name.endsWith(".ts") && !/^[a-z0-9_]+(\.d)?\.ts$/.test(name)) {
    return [error(file, 0, `"${name}" is not in snake_case`)];
  }
  return [];
}

function checkText(file: SourceFile): Finding[] {
  // The rules themselves and their tests have to spell out what they forbid.
  if (/^tools\/check_\w+\.ts$/.test(file.path)) return [];
  const findings: Finding[] = [];
  file.text.split("\n").forEach((text, index) => {
    const path = MACHINE_PATH.exec(text);
    if (path !== null) {
      findings.push(error(file, index + 1, `"${path[1]}" is a path of one machine; use a relative one`));
    }
    for (const [, host] of text.matchAll(/\bhttps?:\/\/([\w.-]+\.[a-z]{2,})/g)) {
      if (host !== undefined && !HOSTS.has(host)) {
        findings.push(error(file, index + 1, `host "${host}" is not among those that may be named`));
      }
    }
  });
  const lines = file.text.split("\n").length - 1;
  if (file.path.endsWith(".ts") && lines > MAX_LINES && !isGenerated(file)) {
    const message = `has ${lines} lines; over ${MAX_LINES} it probably holds more than one idea`;
    findings.push({ level: "warning", path: file.path, line: 0, message });
  }
  return findings;
}

function checkCode(file: SourceFile): Finding[] {
  if (!file.path.endsWith(".ts") || isGenerated(file)) return [];
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, false);
  const findings: Finding[] = [];
  const isTest = file.path.endsWith("_test.ts");
  const knowsTime = MAY_KNOW_TIME.has(file.path.split("/")[0]!) || isTest;

  function report(node: ts.Node, message: string): void {
    findings.push(error(file, source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1, message));
  }

  function visit(node: ts.Node): void {
    if (node.kind === ts.SyntaxKind.AnyKeyword) {
      report(node, "`any` switches type checking off; use `unknown` and narrow it");
    } else if (!knowsTime && ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      const text = `${node.expression.text}.${node.name.text}`;
      if (NONDETERMINISTIC.has(text)) {
        report(node, `${text} makes runs differ; use the kernel's clock or seed`);
      }
    } else if (!knowsTime && ts.isNewExpression(node) && (node.arguments ?? []).length === 0) {
      if (ts.isIdentifier(node.expression) && node.expression.text === "Date") {
        report(node, "new Date() reads the wall clock; use the kernel's clock");
      }
    }
    ts.forEachChild(node, visit);
  }
  visit(source);

  file.text.split("\n").forEach((text, index) => {
    if (/^\s*\/\/ @ts-(ignore|nocheck)/.test(text)) {
      findings.push(error(file, index + 1, "@ts-ignore hides errors; fix the type"));
    }
    if (!isTest && /^\s*\/\/ @ts-expect-error/.test(text) && !file.path.startsWith("tests/")) {
      findings.push(error(file, index + 1, "@ts-expect-error belongs in tests of types only"));
    }
  });
  return findings;
}

function isGenerated(file: SourceFile): boolean {
  return /^\/[/*]+\s*(\* )?Generated /m.test(file.text.slice(0, 400));
}

function error(file: SourceFile, line: number, message: string): Finding {
  return { level: "error", path: file.path, line, message };
}
