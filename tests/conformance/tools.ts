/**
 * The text tools of a small shell (`grep`, `head`, `wc`, …): what they make of their input, with the options that the
 * recordings use.
 *
 * @module
 */

/** What a tool printed, and how it ended. */
export interface ToolResult {
  readonly output: string;
  readonly status: number;
}

/** A tool: its arguments without file names, and its input. */
type Tool = (options: Options, input: string) => ToolResult;

/** Options of a command line: letters, values of those that take one, and the rest. */
export interface Options {
  readonly flags: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/** Option letters that take a value, by tool. */
const WITH_VALUE: Readonly<Record<string, string>> = { head: "nc", tail: "nc", cut: "cdf", grep: "em" };
/** How many operands before the files are not files, by tool. */
const LEADING: Readonly<Record<string, number>> = { grep: 1, awk: 1, tr: 2 };

const TOOLS: Readonly<Record<string, Tool>> = { grep, head, tail, wc, cut, sort, uniq, awk, tr };

/** Whether there is such a tool. */
export function isTool(name: string): boolean {
  return Object.hasOwn(TOOLS, name);
}

/** Files among a tool's arguments. */
export function filesOf(name: string, args: readonly string[]): readonly string[] {
  return optionsOf(name, args).operands.slice(LEADING[name] ?? 0);
}

/** Runs a tool on its whole input. */
export function runTool(name: string, args: readonly string[], input: string): ToolResult {
  const tool = TOOLS[name];
  if (tool === undefined) throw new Error(`There is no tool "${name}"`);
  return tool(optionsOf(name, args), input);
}

function optionsOf(name: string, args: readonly string[]): Options {
  const flags = new Set<string>();
  const values = new Map<string, string>();
  const operands: string[] = [];
  const takes = WITH_VALUE[name] ?? "";
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] as string;
    if (arg === "-" || !arg.startsWith("-")) operands.push(arg);
    else if (/^-\d+$/.test(arg)) values.set("n", arg.slice(1));
    else {
      for (let i = 1; i < arg.length; i++) {
        const letter = arg[i] as string;
        if (!takes.includes(letter)) flags.add(letter);
        else {
          values.set(letter, i + 1 < arg.length ? arg.slice(i + 1) : args[++at] ?? "");
          break;
        }
      }
    }
  }
  return { flags, values, operands };
}

/** Lines without their newlines; a last line need not end in one. */
function linesOf(input: string): string[] {
  if (input === "") return [];
  return (input.endsWith("\n") ? input.slice(0, -1) : input).split("\n");
}

function joined(lines: readonly string[], status = 0): ToolResult {
  return { output: lines.map((line) => `${line}\n`).join(""), status };
}

function grep({ flags, operands }: Options, input: string): ToolResult {
  let source = operands[0] ?? "";
  if (!flags.has("E")) source = source.replace(/[(){}|+?]/g, "\\$&");
  if (flags.has("w")) source = `(?<!\\w)(?:${source})(?!\\w)`;
  const pattern = new RegExp(source, flags.has("i") ? "i" : "");
  const found = linesOf(input).filter((line) => pattern.test(line) !== flags.has("v"));
  const status = found.length > 0 ? 0 : 1;
  return flags.has("c") ? { output: `${found.length}\n`, status } : joined(found, status);
}

function head({ values }: Options, input: string): ToolResult {
  return joined(linesOf(input).slice(0, Number(values.get("n") ?? 10)));
}

function tail({ values }: Options, input: string): ToolResult {
  const bytes = values.get("c");
  if (bytes !== undefined) return { output: input.slice(-Number(bytes)), status: 0 };
  return joined(linesOf(input).slice(-Number(values.get("n") ?? 10)));
}

function wc({ flags }: Options, input: string): ToolResult {
  const count = flags.has("l")
    ? input.split("\n").length - 1
    : flags.has("c")
    ? input.length
    : input.split(/\s+/).filter((word) => word !== "").length;
  return { output: `${count}\n`, status: 0 };
}

function cut({ values }: Options, input: string): ToolResult {
  const columns = values.get("c");
  if (columns !== undefined) {
    const [from = 1, to = from] = columns.split("-").map(Number);
    return joined(linesOf(input).map((line) => line.slice(from - 1, to)));
  }
  const field = Number(values.get("f") ?? 1);
  const separator = values.get("d") ?? "\t";
  return joined(
    linesOf(input).map((line) => {
      const fields = line.split(separator);
      return fields.length === 1 ? line : fields[field - 1] ?? "";
    }),
  );
}

function sort({ flags }: Options, input: string): ToolResult {
  const lines = linesOf(input);
  const numeric = flags.has("n");
  // Bytes decide, and where numbers are equal, bytes again.
  lines.sort((a, b) => {
    const order = numeric ? (parseInt(a) || 0) - (parseInt(b) || 0) : 0;
    return order !== 0 ? order : a < b ? -1 : a > b ? 1 : 0;
  });
  return joined(flags.has("r") ? lines.reverse() : lines);
}

function uniq({ flags }: Options, input: string): ToolResult {
  const groups: { line: string; count: number }[] = [];
  for (const line of linesOf(input)) {
    const last = groups.at(-1);
    if (last?.line === line) last.count++;
    else groups.push({ line, count: 1 });
  }
  const kept = flags.has("d") ? groups.filter((group) => group.count > 1) : groups;
  return joined(
    kept.map(({ line, count }) => flags.has("c") ? `${String(count).padStart(7)} ${line}` : line),
  );
}

function awk({ operands }: Options, input: string): ToolResult {
  const field = /^\{print \$(\d)\}$/.exec(operands[0] ?? "")?.[1];
  if (field === undefined) throw new Error(`awk knows {print $N} only, not "${operands[0]}"`);
  return joined(linesOf(input).map((line) => line.trim().split(/\s+/)[Number(field) - 1] ?? ""));
}

function tr({ operands: [from = "", to = ""] }: Options, input: string): ToolResult {
  return { output: input.replaceAll(from === "\\n" ? "\n" : from, to), status: 0 };
}
