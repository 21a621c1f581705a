/**
 * Runs what the documents show. `deno run --allow-read --allow-run tools/check_docs.ts [FILE…]` takes every Markdown
 * file of the project; `deno test --doc` covers their TypeScript blocks, this the rest:
 *
 * - In a `console` block each line after `$ ` is a command; the lines below it, up to the next command, are what it
 *   prints (stdout and stderr together). A line `...` stands for any number of lines. Every command must succeed, but
 *   one that is followed by `$ echo $?`, which shows its status: then that is what must be right.
 * - A `sh` block (`bash` and `shell` are the same) is not run (its commands may take long or change things), but what it
 *   names must exist: the tasks of deno.json and the project's files. So must what any Markdown link leads to.
 *
 * @module
 */

import { type Finding, formatFinding, readTree } from "./check_tree.ts";

/** Languages of blocks that hold commands for a shell. */
const SHELLS = new Set(["sh", "bash", "shell", "console"]);

/** One command of a console block with the lines that it must print. */
export interface Example {
  /** 1-based line of the command in its document. */
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
}

/** A fenced block: its language and where its first line is. */
interface Block {
  readonly language: string;
  readonly line: number;
  readonly lines: readonly string[];
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  let open: { language: string; line: number; lines: string[] } | undefined;
  text.split("\n").forEach((line, index) => {
    const fence = /^\s*```\s*([\w-]*)/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === undefined) open = { language: fence[1] ?? "", line: index + 2, lines: [] };
    else {
      blocks.push(open);
      open = undefined;
    }
  });
  return blocks;
}

/** The commands of a document's console blocks. */
export function consoleExamples(text: string): Example[] {
  const examples: Example[] = [];
  for (const block of blocksOf(text)) {
    if (block.language !== "console") continue;
    let current: { line: number; command: string; expected: string[] } | undefined;
    block.lines.forEach((line, index) => {
      if (line.startsWith("$ ")) {
        current = { line: block.line + index, command: line.slice(2), expected: [] };
        examples.push(current);
      } else if (current?.expected.length === 0 && current.command.endsWith("\\")) {
        current.command = `${current.command.slice(0, -1)}${line.trimStart()}`;
      } else current?.expected.push(line);
    });
  }
  return examples;
}

/** Compares printed lines with expected ones; returns the first difference as a sentence. */
export function compare(printed: readonly string[], expected: readonly string[]): string | undefined {
  const lines = trimEnd(printed);
  const pattern = trimEnd(expected);
  let at = 0;
  for (let i = 0; i < pattern.length; i++) {
    const want = pattern[i]!;
    if (want.trim() === "...") {
      const next = pattern[i + 1];
      if (next === undefined) return undefined;
      while (at < lines.length && lines[at] !== next) at++;
    } else {
      if (lines[at] !== want) return `expected "${want}", printed "${lines[at] ?? "(end of output)"}"`;
      at++;
    }
  }
  return at < lines.length ? `printed more than expected: "${lines[at]}"` : undefined;
}

function trimEnd(lines: readonly string[]): readonly string[] {
  let end = lines.length;
  while (end > 0 && lines[end - 1]!.trim() === "") end--;
  return lines.slice(0, end).map((line) => line.trimEnd());
}

/** Finds tasks and files that a `sh` block names and that do not exist. */
export function checkShell(
  text: string,
  tasks: readonly string[],
  exists: (path: string) => boolean,
): { readonly line: number; readonly message: string }[] {
  const found: { line: number; message: string }[] = [];
  for (const block of blocksOf(text)) {
    if (!SHELLS.has(block.language)) continue;
    block.lines.forEach((line, index) => {
      const at = block.line + index;
      const task = /\bdeno(?:@[\d.]+)? task (?:--?[\w-]+ )*([\w:-]+)/.exec(line)?.[1];
      if (task !== undefined && !tasks.includes(task)) {
        found.push({ line: at, message: `there is no task "${task}" in deno.json` });
      }
      for (
        const [, path] of line.matchAll(/(?:^|\s)((?:examples|tools|cli|docs|bench|tests)\/[\w./-]+\.\w+)/g)
      ) {
        if (!exists(path!)) found.push({ line: at, message: `there is no file "${path}"` });
      }
    });
  }
  return found;
}

/** Finds relative links of a document at `path` that lead to no file or folder. */
export function checkLinks(
  text: string,
  path: string,
  exists: (path: string) => boolean,
): { readonly line: number; readonly message: string }[] {
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/") + 1) : "";
  const found: { line: number; message: string }[] = [];
  text.split("\n").forEach((line, index) => {
    for (const [, target] of line.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)) {
      if (target === undefined || /^[a-z]+:/.test(target)) continue;
      if (!exists(`${folder}${target}`)) {
        found.push({ line: index + 1, message: `there is no "${target}", which a link leads to` });
      }
    }
  });
  return found;
}

/** What is wrong with a command's status and output, as a sentence. `next` is the command after it. */
export function judge(
  { expected }: Example,
  printed: readonly string[],
  code: number,
  next: Example | undefined,
): string | undefined {
  const asked = next?.command.trim() === "echo $?";
  if (code !== 0 && !asked) return `exited with ${code}: ${printed.join(" ").trim()}`;
  return expected.some((text) => text.trim() !== "") ? compare(printed, expected) : undefined;
}

/** Runs one command in a shell; `deno`, through npx or not, is the one that runs this check. */
async function run(command: string, status: number): Promise<{ lines: string[]; code: number }> {
  const local = command.replace(/\bnpx --yes deno@[\d.]+/g, "deno");
  const script = `deno() { "${Deno.execPath()}" "$@"; }\n(exit ${status})\n${local}`;
  const child = new Deno.Command("sh", {
    args: ["-c", `{ ${script}\n} 2>&1`],
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { stdout, code } = await child.output();
  const text = new TextDecoder().decode(stdout);
  // Deno announces the task that it runs, and what it fetches the first time: no part of the answer.
  return { lines: text.split("\n").filter((line) => !/^(?:Task|Download) /.test(line)), code };
}

async function checkDocument(path: string, tasks: readonly string[]): Promise<Finding[]> {
  const text = await Deno.readTextFile(path);
  const findings: Finding[] = [...checkShell(text, tasks, exists), ...checkLinks(text, path, exists)]
    .map(({ line, message }) => ({ level: "error", path, line, message }));
  let status = 0;
  const examples = consoleExamples(text);
  for (const [i, example] of examples.entries()) {
    const { line, command } = example;
    const { lines, code } = await run(command, status);
    status = code;
    const message = judge(example, lines, code, examples[i + 1]);
    if (message !== undefined) {
      findings.push({ level: "error", path, line, message: `\`${command}\`: ${message}` });
    }
  }
  return findings;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

async function documents(): Promise<string[]> {
  return (await readTree(".")).map(({ path }) => path).filter((path) => path.endsWith(".md"));
}

if (import.meta.main) {
  const tasks = Object.keys((JSON.parse(await Deno.readTextFile("deno.json")) as { tasks: object }).tasks);
  const paths = Deno.args.length > 0 ? Deno.args : await documents();
  const findings = (await Promise.all(paths.map((path) => checkDocument(path, tasks)))).flat();
  for (const finding of findings) console.error(formatFinding(finding));
  console.log(`Checked ${paths.length} documents: ${findings.length} violations`);
  if (findings.length > 0) Deno.exit(1);
}
