/**
 * Prints a record as its event's `print fmt` says.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import { addressText } from "../../../image/address.ts";
import type { BytesReader } from "./bytes_reader.ts";
import { type CContext, type CValue, evaluate, UnknownExpression } from "./c_eval.ts";
import { type CExpr, parseExpressions } from "./c_expr.ts";
import { tokenize } from "./c_tokens.ts";
import { formatPrintk, type PointerPrinter } from "./printk_format.ts";

/** What printing needs of a kernel. */
export interface PrintFmtHost extends PointerPrinter {
  /** Value of an enumerator, or of a variable of the kernel. */
  named(name: string): number | undefined;
  /** Bytes of a structure. */
  structSize(name: string): number | undefined;
}

/** Prints the records of one event. */
export class PrintFmt {
  readonly #fields: ReadonlyMap<string, TracepointField>;
  readonly #own: readonly TracepointField[];
  readonly #format: string | null = null;
  readonly #args: readonly CExpr[] = [];
  readonly #host: PrintFmtHost;
  readonly #rawPrinter: PointerPrinter;

  constructor(
    printFmt: string,
    common: readonly TracepointField[],
    fields: readonly TracepointField[],
    host: PrintFmtHost,
  ) {
    this.#own = fields;
    this.#fields = new Map([...common, ...fields].map((field) => [field.name, field]));
    this.#host = host;
    this.#rawPrinter = { ...host, hashed: (address) => addressText(host.arch, address) };
    const tokens = tokenize(printFmt);
    const parts = tokens === null ? null : parseExpressions(tokens);
    const format = parts?.[0];
    if (format?.kind === "string") {
      this.#format = format.text;
      this.#args = parts?.slice(1) ?? [];
    }
  }

  /**
   * A record's text. Where the format asks for what only the kernel's source knows, its fields as they are. With
   * `rawPointers` a `%p` prints the address itself.
   */
  print(record: BytesReader, rawPointers = false): string {
    const context = this.#context(record);
    return this.#formatted(context, rawPointers ? this.#rawPrinter : this.#host) ?? this.#plain(context);
  }

  #context(record: BytesReader): CContext {
    return {
      fields: this.#fields,
      record,
      arch: this.#host.arch,
      named: (name) => this.#host.named(name),
      structSize: (name) => this.#host.structSize(name),
    };
  }

  #formatted(context: CContext, printer: PointerPrinter): string | null {
    if (this.#format === null) return null;
    try {
      const values = this.#args.map((arg) => evaluate(arg, context));
      return formatPrintk(this.#format, values, context.record, printer);
    } catch (error) {
      if (error instanceof UnknownExpression) return null;
      throw error;
    }
  }

  #plain(context: CContext): string {
    return this.#own.map((field) => `${field.name}=${plainText(field, context)}`).join(" ");
  }
}

function plainText(field: TracepointField, context: CContext): string {
  const { record } = context;
  if (field.type.startsWith("__data_loc") && field.type.includes("char")) {
    return record.str(field.offset, 4, true);
  }
  const value: CValue = evaluate({ kind: "field", name: field.name }, context);
  if (typeof value !== "object") return String(value);
  const count = value.length / value.element;
  const items = Array.from(
    { length: count },
    (_, i) => `0x${record.loadBig(value.start + i * value.element, value.element, false).toString(16)}`,
  );
  return `{${items.join(",")}}`;
}
