/**
 * The words that the generated declarations are written in: pointers, and values that only some architectures have.
 *
 * @module
 */

/** What every pointer can be asked, besides the fields of what it points to. */
export interface Pointer {
  /** The address itself, unsigned. */
  readonly address: bigint;
  /** True for address 0. Reading a field through a null pointer yields 0, as in any probe. */
  readonly isNull: boolean;
}

/** A pointer to `T`. Its fields are followed transparently: `file.f_path.dentry.d_name.name`. */
export type Ptr<T> = Pointer & T;

/** An address whose target has no fields to show: `void *`, a function, an incomplete type. */
export type Address = Pointer;

/** The architectures whose kernels the default declarations describe. */
export type ArchName = "x86_64" | "arm64" | "i386";

/** A kernel function: its parameters by name, its result, and the architectures whose kernel has it. */
export interface Fn<Args, Ret = undefined, On extends ArchName = ArchName> {
  readonly args: Args;
  readonly ret: Ret;
  readonly on: On;
}

/** A tracepoint: its record's fields, and the architectures whose kernel has it. */
export interface Tp<Fields, On extends ArchName = ArchName> {
  readonly fields: Fields;
  readonly on: On;
}

/** A value that only the kernels of `On` have. It reads as `T`; the name is for the reader. */
export type Only<On extends ArchName, T> = On extends never ? never : T;
