/**
 * What is wrong with a program, as data; `renderDiagnostic` makes text of it.
 *
 * @module
 */

import type { Span } from "./nodes.ts";

/** One finding of the passes. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** A sentence: what was given and what is wrong with it. */
  readonly message: string;
  /** What would do. */
  readonly hint?: string;
  /** Where in `span.source`. */
  readonly span?: Span;
  /** Name of the probe it is about; empty for the program as a whole. */
  readonly probe: string;
}

/** Collects diagnostics of one probe. */
export type Report = (
  severity: "error" | "warning",
  message: string,
  detail?: { readonly hint?: string | undefined; readonly span?: Span | undefined },
) => void;

/** A reporter that appends to a list. The same finding is listed once. */
export function reporter(list: Diagnostic[], probe: string): Report {
  return (severity, message, detail = {}) => {
    const known = list.some((d) =>
      d.probe === probe && d.message === message && d.span?.start === detail.span?.start &&
      d.span?.source === detail.span?.source
    );
    if (known) return;
    list.push({
      severity,
      message,
      probe,
      ...(detail.hint === undefined ? {} : { hint: detail.hint }),
      ...(detail.span === undefined ? {} : { span: detail.span }),
    });
  };
}

/**
 * A diagnostic as lines of text: the sentence, the source line with a caret line under it, the hint.
 *
 * ```ts
 * import { renderDiagnostic } from "./diagnostic.ts";
 * const text = renderDiagnostic({
 *   severity: "error",
 *   message: 'No field "nam" in struct qstr',
 *   hint: 'did you mean "name"?',
 *   probe: "kprobe:vfs_open",
 *   span: { start: 11, end: 14, source: "(c) => c.x.nam" },
 * });
 * if (!text.includes("^^^")) throw new Error(text);
 * ```
 */
export function renderDiagnostic(diagnostic: Diagnostic): string {
  const { severity, message, hint, span, probe } = diagnostic;
  const where = probe === "" ? "" : `${probe}: `;
  const lines = [`${where}${severity}: ${message}`];
  if (span?.source !== undefined) lines.push(...excerpt(span.source, span.start, span.end));
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.join("\n");
}

/** All diagnostics as text, in order. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map(renderDiagnostic).join("\n");
}

function excerpt(source: string, start: number, end: number): string[] {
  const lineStart = source.lastIndexOf("\n", start - 1) + 1;
  const newline = source.indexOf("\n", lineStart);
  const lineEnd = newline === -1 ? source.length : newline;
  const line = source.slice(lineStart, lineEnd);
  const from = Math.min(start, lineEnd) - lineStart;
  const width = Math.max(1, Math.min(end, lineEnd) - lineStart - from);
  // Tabs stay tabs, so that the carets stand under what they mean.
  const pad = line.slice(0, from).replace(/[^\t]/g, " ");
  return [`  ${line}`, `  ${pad}${"^".repeat(width)}`];
}

/** Raised where a program cannot be compiled: all its diagnostics, the message is their text. */
export class ProgramError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(renderDiagnostics(diagnostics.filter((d) => d.severity === "error")));
    this.name = "ProgramError";
    this.diagnostics = diagnostics;
  }
}
