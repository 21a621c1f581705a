/**
 * What the declarations of one kernel say, before they are merged with others and written: TypeScript text by C name.
 *
 * @module
 */

/** A parameter, a member, or a tracepoint's field: its name and its TypeScript type. */
export interface Slot {
  readonly name: string;
  readonly type: string;
}

/** A kernel function. */
export interface FunctionShape {
  readonly params: readonly Slot[];
  /** TypeScript type of the result, `undefined` for a void function. */
  readonly ret: string;
}

/** The declarations of one kernel. */
export interface Shapes {
  /** `undefined` for a function whose prototype is not known. */
  readonly functions: ReadonlyMap<string, FunctionShape | undefined>;
  /** Structs and unions by their TypeScript name. */
  readonly types: ReadonlyMap<string, readonly Slot[]>;
  readonly tracepoints: ReadonlyMap<string, readonly Slot[]>;
}
