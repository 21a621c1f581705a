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

/** Folders that may look at the wall clock and at what else the host has. */
const MAY_KNOW_HOST = new Set(["cli", "repl", "notebook", "bench", "tools", "tests"]);

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

/** Files that a tool of ours writes; named here, because a comment in a file could claim it of itself. */
const GENERATED = new Set(["types/kernel.ts"]);

/** Paths that exist on one machine only. */
const MACHINE_PATH = /(?<![\w.])(\/root\/|\/work\/|\/opt\/|\/home\/\w+\/|\/Users\/\w+\/|[A-Z]:\\Users\\)/;

/** Names of the host that make runs differ, by whatever member and under whatever other name they are used. */
const HOST_NAMES: Readonly<Record<string, string>> = {
  Date: "reads the wall clock; use the kernel's clock",
  Temporal: "reads the wall clock; use the kernel's clock",
  performance: "reads the wall clock; use the kernel's clock",
  crypto: "is random; use the kernel's seed",
  Intl: "depends on the host's language; format by hand",
  Deno: "reaches the host; only the command line, the prompt and image/load.ts may",
  setTimeout: "waits in real time; use the kernel's events",
  setInterval: "waits in real time; use the kernel's events",
  globalThis: "reaches whatever the host has; name what you need",
};

/** Files that may use a name of {@linkcode HOST_NAMES}, which any other file of their folder may not. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  // The whole images are files, and reading one is the only thing that needs a permission.
  "image/load.ts": ["Deno"],
};

/** Methods whose result depends on the host's language. */
const LOCAL_METHODS = new Set([
  "localeCompare",
  "toLocaleString",
  "toLocaleDateString",
  "toLocaleTimeString",
  "toLocaleLowerCase",
  "toLocaleUpperCase",
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
  if (file.path.endsWith(".ts") && lines > MAX_LINES && !GENERATED.has(file.path)) {
    const message = `has ${lines} lines; over ${MAX_LINES} it probably holds more than one idea`;
    findings.push({ level: "warning", path: file.path, line: 0, message });
  }
  return findings;
}

function checkCode(file: SourceFile): Finding[] {
  if (!file.path.endsWith(".ts") || GENERATED.has(file.path)) return [];
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  const findings: Finding[] = [];
  const isTest = file.path.endsWith("_test.ts");
  const knowsHost = MAY_KNOW_HOST.has(file.path.split("/")[0]!) || isTest;

  function report(node: ts.Node, message: string): void {
    findings.push(error(file, source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1, message));
  }

  function visit(node: ts.Node): void {
    if (node.kind === ts.SyntaxKind.AnyKeyword) {
      report(node, "`any` switches type checking off; use `unknown` and narrow it");
    } else if (!knowsHost) {
      const message = hostUse(node, file.path);
      if (message !== undefined) report(node, message);
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

/** What a node uses of the host, as a sentence; undefined if nothing. Parents of nodes must be set. */
function hostUse(node: ts.Node, path: string): string | undefined {
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments;
    if (specifier !== undefined && ts.isStringLiteral(specifier)) return undefined;
    return "import() of a computed name needs a permission and hides what is loaded; name the module";
  }
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    return localMethod(node.argumentExpression.text);
  }
  if (!ts.isIdentifier(node)) return undefined;
  const { parent, text } = node;
  if (isMember(node)) {
    return isPropertyOrBinding(parent) ? localMethod(text) : undefined;
  }
  if (text === "Math") {
    // `Math` in any other place than before a dot could hand its generator on.
    const member = ts.isPropertyAccessExpression(parent) ? parent.name.text : undefined;
    if (member !== undefined && member !== "random") return undefined;
    return member === undefined
      ? "Math stands without a member, which may be its random(); write Math.member"
      : "Math.random makes runs differ; use the kernel's seed";
  }
  const why = Object.hasOwn(HOST_NAMES, text) ? HOST_NAMES[text] : undefined;
  return why === undefined || MAY_USE[path]?.includes(text) === true ? undefined : `${text} ${why}`;
}

function localMethod(name: string): string | undefined {
  return LOCAL_METHODS.has(name)
    ? `${name} depends on the host's language; compare with < and format by hand`
    : undefined;
}

/** Whether an identifier names a member of something else, and so no variable of the host. */
function isMember(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  return (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isMethodSignature(parent) ||
    ts.isPropertyDeclaration(parent) || ts.isMethodDeclaration(parent) || ts.isGetAccessor(parent) ||
    ts.isSetAccessor(parent) || ts.isEnumMember(parent)) && parent.name === node;
}

function isPropertyOrBinding(node: ts.Node): boolean {
  return ts.isPropertyAccessExpression(node) || ts.isBindingElement(node);
}

function error(file: SourceFile, line: number, message: string): Finding {
  return { level: "error", path: file.path, line, message };
}
