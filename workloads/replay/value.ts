/**
 * What strace prints for one argument, as plain data.
 *
 * strace decodes arguments into C-like text: numbers, strings, symbolic constants, structs, arrays. The tree here keeps
 * that text's structure, not its meaning: what a constant is worth depends on the architecture that replays it.
 *
 * @module
 */

/** One printed value. `comment` is the text of a C comment that followed it: `3 vars` for `0x7ffc… /* 3 vars *\/`. */
export type StraceValue =
  & (
    /** `42`, `-1`, `0x7f1e…`, `0644`. `value` is the signed 64-bit word, NaN where a double cannot hold it exactly. */
    | { readonly kind: "number"; readonly text: string; readonly value: number }
    /** `NULL` */
    | { readonly kind: "null" }
    /** `"text"`, with `...` after it where strace cut it short; `@"name"` is an abstract socket name. */
    | {
      readonly kind: "string";
      readonly bytes: Uint8Array;
      readonly truncated: boolean;
      readonly abstract?: boolean;
    }
    /** A bare word: `O_RDONLY`, `SIGCHLD`, `RT_1`, and in terminal settings `-echo`. */
    | { readonly kind: "name"; readonly name: string }
    /** `makedev(0x1, 0x3)`, `htons(80)`, `inet_addr("127.0.0.1")` */
    | { readonly kind: "call"; readonly name: string; readonly args: readonly StraceArgument[] }
    /** `{st_mode=S_IFREG|0644, st_size=49, ...}`; `omitted` tells of the `...`. */
    | { readonly kind: "struct"; readonly fields: readonly StraceArgument[]; readonly omitted: boolean }
    /** `[3, 4]`, or with `spaced` a set such as `[RTMIN RT_1]`. */
    | {
      readonly kind: "array";
      readonly items: readonly StraceArgument[];
      readonly omitted: boolean;
      readonly spaced: boolean;
    }
    /** `~[RTMIN RT_1]`, `&sin6_addr`, `!0` */
    | { readonly kind: "unary"; readonly operator: "~" | "&" | "!"; readonly operand: StraceValue }
    /** `O_RDONLY|O_CLOEXEC`, `8192*1024`, `WIFEXITED(s) && WEXITSTATUS(s) == 0`: terms with the operators between them. */
    | {
      readonly kind: "expression";
      readonly terms: readonly StraceValue[];
      readonly operators: readonly string[];
    }
    /** `[128 => 16]`: what the call found and what it left. */
    | { readonly kind: "changed"; readonly before: StraceValue; readonly after: StraceValue }
    /** `???` or `...` where strace could not read the value, and text whose form is not known. */
    | { readonly kind: "raw"; readonly text: string }
  )
  & { readonly comment?: string };

/** One argument or struct field; strace names some: `flags=CLONE_VM`, `st_size=49`. */
export interface StraceArgument {
  /** As printed before `=`; absent where strace names none. */
  readonly name?: string;
  /** What is printed. */
  readonly value: StraceValue;
}

/** The text of a string value, as UTF-8; undefined for every other kind. */
export function stringText(value: StraceValue | undefined): string | undefined {
  return value?.kind === "string" ? new TextDecoder().decode(value.bytes) : undefined;
}

/** The field of a struct value by its name; undefined where there is none or strace left it out. */
export function structField(value: StraceValue | undefined, name: string): StraceValue | undefined {
  if (value?.kind !== "struct") return undefined;
  for (const field of value.fields) if (field.name === name) return field.value;
  return undefined;
}

/** A value as the call left it: the right side of `=>`, the value itself otherwise. */
export function valueAfter(value: StraceValue): StraceValue {
  return value.kind === "changed" ? value.after : value;
}
