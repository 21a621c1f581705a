/**
 * Command lines of a shell, as far as the recordings use it: words, quotes, variables, pipes, redirections, lists.
 *
 * @module
 */

/** One simple command. */
export interface SimpleCommand {
  readonly words: readonly string[];
  /** `> FILE`, `>> FILE`, `< FILE`; a file of `null` is `/dev/null`'s error output. */
  readonly redirects: readonly { readonly kind: ">" | ">>" | "<" | "2>"; readonly file: string }[];
}

/** Commands joined by `|`. */
export interface Pipeline {
  /** Preceded by `time`. */
  readonly timed: boolean;
  readonly commands: readonly SimpleCommand[];
}

type Token = { readonly kind: "word"; readonly text: string } | {
  readonly kind: "operator";
  readonly text: string;
};

const OPERATORS = ["2>", ">>", "|", ";", ">", "<", "\n"];

/** Parses a command line; `variables` are expanded. */
export function parseShell(text: string, variables: Readonly<Record<string, string>>): readonly Pipeline[] {
  const pipelines: Pipeline[] = [];
  let commands: SimpleCommand[] = [];
  let words: string[] = [];
  let redirects: SimpleCommand["redirects"][number][] = [];
  const tokens = tokenize(text, variables);
  function endCommand(): void {
    if (words.length > 0 || redirects.length > 0) commands.push({ words, redirects });
    words = [];
    redirects = [];
  }
  function endPipeline(): void {
    endCommand();
    const first = commands[0];
    if (first === undefined) return;
    const timed = first.words[0] === "time";
    if (timed) commands[0] = { ...first, words: first.words.slice(1) };
    pipelines.push({ timed, commands });
    commands = [];
  }
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token;
    if (token.kind === "word") words.push(token.text);
    else if (token.text === "|") endCommand();
    else if (token.text === ";" || token.text === "\n") endPipeline();
    else {
      const file = tokens[++at];
      if (file?.kind !== "word") throw new Error(`Cannot parse "${text}": no file after ${token.text}`);
      redirects.push({ kind: token.text as ">" | ">>" | "<" | "2>", file: file.text });
    }
  }
  endPipeline();
  return pipelines;
}

function tokenize(text: string, variables: Readonly<Record<string, string>>): readonly Token[] {
  const tokens: Token[] = [];
  let word: string | null = null;
  function flush(): void {
    if (word !== null) tokens.push({ kind: "word", text: word });
    word = null;
  }
  for (let at = 0; at < text.length;) {
    const char = text[at] as string;
    const operator = OPERATORS.find((candidate) =>
      text.startsWith(candidate, at) && (candidate !== "2>" || word === null)
    );
    if (operator !== undefined) {
      flush();
      tokens.push({ kind: "operator", text: operator });
      at += operator.length;
    } else if (char === " ") {
      flush();
      at++;
    } else if (char === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) throw new Error(`Cannot parse "${text}": a quote is not closed`);
      word = (word ?? "") + text.slice(at + 1, end);
      at = end + 1;
    } else if (char === '"') {
      const [inner, end] = quoted(text, at + 1, variables);
      word = (word ?? "") + inner;
      at = end;
    } else if (char === "\\") {
      word = (word ?? "") + (text[at + 1] ?? "");
      at += 2;
    } else if (char === "$") {
      const [value, end] = variable(text, at, variables);
      word = (word ?? "") + value;
      at = end;
    } else {
      word = (word ?? "") + char;
      at++;
    }
  }
  flush();
  return tokens;
}

function quoted(text: string, from: number, variables: Readonly<Record<string, string>>): [string, number] {
  let inner = "";
  for (let at = from; at < text.length;) {
    const char = text[at] as string;
    if (char === '"') return [inner, at + 1];
    if (char === "\\" && /["\\$`]/.test(text[at + 1] ?? "")) {
      inner += text[at + 1];
      at += 2;
    } else if (char === "$") {
      const [value, end] = variable(text, at, variables);
      inner += value;
      at = end;
    } else {
      inner += char;
      at++;
    }
  }
  throw new Error(`Cannot parse "${text}": a quote is not closed`);
}

function variable(text: string, at: number, variables: Readonly<Record<string, string>>): [string, number] {
  const name = /^[A-Za-z_]\w*/.exec(text.slice(at + 1))?.[0];
  if (name === undefined) return ["$", at + 1];
  return [variables[name] ?? "", at + 1 + name.length];
}
