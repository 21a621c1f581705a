/**
 * Types of the @std modules that this project uses. They come as JavaScript (npm:deno-std), so that without these
 * declarations every import of them would silently be untyped. Keyed by the import map's specifiers.
 */

declare module "@std/assert" {
  /** Thrown by every assertion here. */
  export class AssertionError extends Error {
    constructor(message: string, options?: ErrorOptions);
  }
  type AnyConstructor<T = unknown> = abstract new (...args: never[]) => T;

  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertFalse(expr: unknown, msg?: string): asserts expr is false;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertStrictEquals<T>(actual: unknown, expected: T, msg?: string): asserts actual is T;
  export function assertNotStrictEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertAlmostEquals(
    actual: number,
    expected: number,
    tolerance?: number,
    msg?: string,
  ): void;
  export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T>;
  export function assertMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void;
  export function assertStringIncludes(actual: string, expected: string, msg?: string): void;
  export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void;
  export function assertObjectMatch(
    actual: object,
    expected: Record<PropertyKey, unknown>,
    msg?: string,
  ): void;
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void;
  export function assertLess<T>(actual: T, expected: T, msg?: string): void;
  export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void;
  export function assertInstanceOf<T>(
    actual: unknown,
    expected: AnyConstructor<T>,
    msg?: string,
  ): asserts actual is T;
  export function assertNotInstanceOf<A, T>(
    actual: A,
    unexpected: AnyConstructor<T>,
    msg?: string,
  ): asserts actual is Exclude<A, T>;
  export function assertIsError<E extends Error = Error>(
    error: unknown,
    ErrorClass?: AnyConstructor<E>,
    msgMatches?: string | RegExp,
    msg?: string,
  ): asserts error is E;
  export function assertThrows(fn: () => unknown, msg?: string): unknown;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    ErrorClass: AnyConstructor<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;
  export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    ErrorClass: AnyConstructor<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;
  export function equal(a: unknown, b: unknown): boolean;
  export function fail(msg?: string): never;
  export function unimplemented(msg?: string): never;
  export function unreachable(msg?: string): never;
}

declare module "@std/fmt/colors" {
  /** 24-bit colour. */
  export interface Rgb {
    r: number;
    g: number;
    b: number;
  }
  export function setColorEnabled(value: boolean): void;
  export function getColorEnabled(): boolean;
  export function stripAnsiCode(text: string): string;
  export function reset(text: string): string;
  export function bold(text: string): string;
  export function dim(text: string): string;
  export function italic(text: string): string;
  export function underline(text: string): string;
  export function inverse(text: string): string;
  export function hidden(text: string): string;
  export function strikethrough(text: string): string;
  export function black(text: string): string;
  export function red(text: string): string;
  export function green(text: string): string;
  export function yellow(text: string): string;
  export function blue(text: string): string;
  export function magenta(text: string): string;
  export function cyan(text: string): string;
  export function white(text: string): string;
  export function gray(text: string): string;
  export function brightBlack(text: string): string;
  export function brightRed(text: string): string;
  export function brightGreen(text: string): string;
  export function brightYellow(text: string): string;
  export function brightBlue(text: string): string;
  export function brightMagenta(text: string): string;
  export function brightCyan(text: string): string;
  export function brightWhite(text: string): string;
  export function bgBlack(text: string): string;
  export function bgRed(text: string): string;
  export function bgGreen(text: string): string;
  export function bgYellow(text: string): string;
  export function bgBlue(text: string): string;
  export function bgMagenta(text: string): string;
  export function bgCyan(text: string): string;
  export function bgWhite(text: string): string;
  export function rgb8(text: string, color: number): string;
  export function bgRgb8(text: string, color: number): string;
  export function rgb24(text: string, color: number | Rgb): string;
  export function bgRgb24(text: string, color: number | Rgb): string;
}

declare module "@std/cli/parse-args" {
  /** Options of `parseArgs`. */
  export interface ParseOptions {
    readonly boolean?: boolean | string | readonly string[];
    readonly string?: string | readonly string[];
    readonly collect?: string | readonly string[];
    readonly negatable?: string | readonly string[];
    readonly default?: Readonly<Record<string, unknown>>;
    readonly alias?: Readonly<Record<string, string | readonly string[]>>;
    readonly stopEarly?: boolean;
    readonly "--"?: boolean;
    /** Called with every flag that is not declared; `false` leaves it out of the result. */
    readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }
  /** Parsed flags by name, and the positional arguments in `_`. */
  export interface Args {
    _: (string | number)[];
    "--"?: string[];
    [flag: string]: unknown;
  }
  export function parseArgs(args: readonly string[], options?: ParseOptions): Args;
}
