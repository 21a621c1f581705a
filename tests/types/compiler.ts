/**
 * Compiles snippets against the DSL with the typescript package: what an editor says about them.
 *
 * @module
 */

import ts from "typescript";

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noEmit: true,
  types: [],
  lib: ["lib.esnext.d.ts"],
  target: ts.ScriptTarget.ESNext,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
};

const HERE = decodeURIComponent(new URL("./", import.meta.url).pathname);

/** Snippets by name, each a module beside this one that has the DSL in scope. */
export class Snippets {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #service: ts.LanguageService;

  constructor(snippets: Readonly<Record<string, string>>) {
    const header =
      'import { begin, end, hash, interval, kprobe, kretprobe, latency, print, program, tracepoint } from "../../probes/mod.ts";\n' +
      'import type { ResultOf } from "../../probes/mod.ts";\n';
    this.#texts = new Map(
      Object.entries(snippets).map(([name, text]) => [`${HERE}snippet_${name}.ts`, header + text]),
    );
    const read = (file: string): string | undefined => this.#texts.get(file) ?? ts.sys.readFile(file);
    const host: ts.LanguageServiceHost = {
      getCompilationSettings: () => OPTIONS,
      getScriptFileNames: () => [...this.#texts.keys()],
      getScriptVersion: () => "1",
      getScriptSnapshot: (file) => {
        const text = read(file);
        return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
      },
      getCurrentDirectory: () => HERE,
      getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
      fileExists: (file) => this.#texts.has(file) || ts.sys.fileExists(file),
      readFile: read,
    };
    this.#service = ts.createLanguageService(host);
  }

  /** What the compiler says about a snippet, one message per error. */
  errors(name: string): readonly string[] {
    const file = `${HERE}snippet_${name}.ts`;
    const found = [
      ...this.#service.getSyntacticDiagnostics(file),
      ...this.#service.getSemanticDiagnostics(file),
    ];
    return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  }

  /** The names that an editor offers right after the first occurrence of `mark`. */
  completions(name: string, mark: string): readonly string[] {
    const file = `${HERE}snippet_${name}.ts`;
    const position = (this.#texts.get(file) ?? "").indexOf(mark) + mark.length;
    const found = this.#service.getCompletionsAtPosition(file, position, {});
    return found?.entries.map((entry) => entry.name) ?? [];
  }
}
