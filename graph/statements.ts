/**
 * Statements: what a hit does. The same shape holds the graph's expressions and the resolved ones.
 *
 * @module
 */

import type { Span } from "./nodes.ts";

/** Texts that a statement writes besides `print` and `printf`: what bpftrace calls its asynchronous actions. */
export const OUTPUT_FORMS = ["time", "cat", "join", "errorf", "warnf"] as const;

/**
 * What such a text is made of. `time`: a strftime format. `cat`: the path of a file, as a printf format with arguments.
 * `join`: an array of strings and, where given, what stands between them. `errorf` and `warnf`: a printf format with
 * arguments.
 */
export type OutputForm = typeof OUTPUT_FORMS[number];

/** A statement over expressions of type `E`. */
export type StatementOf<E> =
  & (
    | { readonly op: "expr"; readonly value: E }
    /** A new local of the block that it stands in. */
    | { readonly op: "let"; readonly name: string; readonly value: E }
    /** A new value for a local. */
    | { readonly op: "set"; readonly name: string; readonly value: E }
    | {
      readonly op: "if";
      readonly test: E;
      readonly then: readonly StatementOf<E>[];
      readonly else: readonly StatementOf<E>[];
    }
    /** `parts` are the arguments of a print: their texts are joined by one space. */
    | { readonly op: "print"; readonly parts: readonly (string | E)[] }
    | { readonly op: "printf"; readonly format: string; readonly args: readonly E[] }
    /** `@m[key] = sum(value)`: which function is the map's. */
    | {
      readonly op: "aggregate";
      readonly map: string;
      readonly key: readonly E[];
      readonly value: E | undefined;
    }
    /** `@m[key] = value`, in a map of plain values. */
    | { readonly op: "store"; readonly map: string; readonly key: readonly E[]; readonly value: E }
    /** Takes a key out of a map; without a key, back to nothing stored. */
    | { readonly op: "delete"; readonly map: string; readonly key: readonly E[] }
    /** Takes all keys out of a map. */
    | { readonly op: "clear"; readonly map: string }
    /** Sets all values of a map to zero; the keys stay. */
    | { readonly op: "zero"; readonly map: string }
    /** Prints a map: all of it, its `top` largest entries, or the value under one key. `div` divides what it prints. */
    | {
      readonly op: "printMap";
      readonly map: string;
      readonly key: readonly E[] | undefined;
      readonly top: E | undefined;
      readonly div: E | undefined;
    }
    /** Adds a row to a table: `row` is a record, its fields are the columns. */
    | { readonly op: "emit"; readonly table: string; readonly row: E }
    | {
      readonly op: "output";
      readonly form: OutputForm;
      readonly format: string;
      readonly args: readonly E[];
    }
    /** Ends the run, and this hit. */
    | { readonly op: "exit"; readonly code: E | undefined }
    /** `name` from `from` up to but not including `to`; both are computed once. */
    | {
      readonly op: "range";
      readonly name: string;
      readonly from: E;
      readonly to: E;
      readonly body: readonly StatementOf<E>[];
    }
    /** Each entry of a map as it is when the loop begins, in order of insertion. */
    | {
      readonly op: "each";
      readonly map: string;
      readonly key: string;
      readonly value: string;
      readonly body: readonly StatementOf<E>[];
    }
    /** `update` runs after each round, `continue` included. */
    | {
      readonly op: "while";
      readonly test: E;
      readonly update: readonly StatementOf<E>[];
      readonly body: readonly StatementOf<E>[];
    }
    | { readonly op: "break" }
    | { readonly op: "continue" }
    /** Ends the `do` or block that it stands in; elsewhere the hit. Only a block expression returns a value. */
    | { readonly op: "return"; readonly value: E | undefined }
  )
  & { readonly span?: Span };

/** The expressions that a statement evaluates itself, in order; not those of statements inside it. */
export function ownExpressions<E extends object>(statement: StatementOf<E>): readonly E[] {
  switch (statement.op) {
    case "expr":
    case "let":
    case "set":
      return [statement.value];
    case "if":
    case "while":
      return [statement.test];
    case "print":
      return statement.parts.filter((part) => typeof part !== "string");
    case "printf":
    case "output":
      return statement.args;
    case "aggregate":
    case "store":
      return statement.value === undefined ? statement.key : [...statement.key, statement.value];
    case "delete":
      return statement.key;
    case "printMap":
      return [statement.key ?? [], statement.top ?? [], statement.div ?? []].flat() as E[];
    case "emit":
      return [statement.row];
    case "exit":
      return statement.code === undefined ? [] : [statement.code];
    case "return":
      return statement.value === undefined ? [] : [statement.value];
    case "range":
      return [statement.from, statement.to];
    default:
      return [];
  }
}

/** The lists of statements inside one. */
export function innerStatements<E>(statement: StatementOf<E>): readonly (readonly StatementOf<E>[])[] {
  switch (statement.op) {
    case "if":
      return [statement.then, statement.else];
    case "range":
    case "each":
      return [statement.body];
    case "while":
      return [statement.body, statement.update];
    default:
      return [];
  }
}

/** All expressions of a statement, those of statements inside it too. */
export function allExpressions<E extends object>(statement: StatementOf<E>): readonly E[] {
  return [
    ...ownExpressions<E>(statement),
    ...innerStatements<E>(statement).flatMap((list) => list.flatMap((inner) => allExpressions<E>(inner))),
  ];
}

/** The name of the map that a statement uses, if it uses one. */
export function mapOf<E>(statement: StatementOf<E>): string | undefined {
  return "map" in statement ? statement.map : undefined;
}

/** How the parts of a statement change when its expressions do. */
export interface StatementChange<A, B> {
  /** What becomes of an expression. `test`: it is asked for its truth alone. */
  readonly expr: (expr: A, test: boolean) => B;
  /** What becomes of a list of statements. */
  readonly body: (list: readonly StatementOf<A>[], owner: StatementOf<A>) => readonly StatementOf<B>[];
}

/** A statement with other expressions in it, evaluated in the order in which the statement does. */
export function changeStatement<A, B>(
  statement: StatementOf<A>,
  { expr, body }: StatementChange<A, B>,
): StatementOf<B> {
  const one = (inner: A): B => expr(inner, false);
  const maybe = (inner: A | undefined): B | undefined => inner === undefined ? undefined : one(inner);
  const span = statement.span === undefined ? {} : { span: statement.span };
  switch (statement.op) {
    case "expr":
      return { op: "expr", value: one(statement.value), ...span };
    case "let":
    case "set":
      return { op: statement.op, name: statement.name, value: one(statement.value), ...span };
    case "if":
      return {
        op: "if",
        test: expr(statement.test, true),
        then: body(statement.then, statement),
        else: body(statement.else, statement),
        ...span,
      };
    case "print":
      return {
        op: "print",
        parts: statement.parts.map((part) => typeof part === "string" ? part : one(part)),
        ...span,
      };
    case "printf":
      return { op: "printf", format: statement.format, args: statement.args.map(one), ...span };
    case "output":
      return {
        op: "output",
        form: statement.form,
        format: statement.format,
        args: statement.args.map(one),
        ...span,
      };
    case "aggregate":
      return {
        op: "aggregate",
        map: statement.map,
        key: statement.key.map(one),
        value: maybe(statement.value),
        ...span,
      };
    case "store":
      return {
        op: "store",
        map: statement.map,
        key: statement.key.map(one),
        value: one(statement.value),
        ...span,
      };
    case "delete":
      return { op: "delete", map: statement.map, key: statement.key.map(one), ...span };
    case "printMap":
      return {
        op: "printMap",
        map: statement.map,
        key: statement.key?.map(one),
        top: maybe(statement.top),
        div: maybe(statement.div),
        ...span,
      };
    case "emit":
      return { op: "emit", table: statement.table, row: one(statement.row), ...span };
    case "exit":
      return { op: "exit", code: maybe(statement.code), ...span };
    case "return":
      return { op: "return", value: maybe(statement.value), ...span };
    case "range":
      return {
        op: "range",
        name: statement.name,
        from: one(statement.from),
        to: one(statement.to),
        body: body(statement.body, statement),
        ...span,
      };
    case "each":
      return { ...statement, body: body(statement.body, statement) };
    case "while":
      return {
        op: "while",
        test: expr(statement.test, true),
        body: body(statement.body, statement),
        update: body(statement.update, statement),
        ...span,
      };
    default:
      return statement;
  }
}
