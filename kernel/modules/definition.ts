/**
 * A kernel module, written here.
 *
 * @module
 */

import type { Kernel } from "../kernel.ts";

/** A parameter's value: text (`charp`), a whole number (`int`) or `bool`. */
export type ModuleParam = string | number | boolean;

/** Parameters by name. */
export type ModuleParams = Readonly<Record<string, ModuleParam>>;

/** A function of a module, as its text and symbols show it. */
export interface ModuleFunction {
  /** Bytes of text; default: what its calls need, at least 64. */
  readonly size?: number;
  /** `init` text goes away when the module has been initialised. Default `text`. */
  readonly section?: "text" | "init";
  /** Compiled with an entry hook, so that ftrace can trace it. Default true; never for `nokprobe` functions. */
  readonly traceable?: boolean;
  /** `NOKPROBE_SYMBOL`: must not be probed. */
  readonly nokprobe?: boolean;
  /** Kernel functions that its text calls, in order; those of the module itself as `module:function`. */
  readonly calls?: readonly string[];
}

/** What a module does, made afresh for each `insmod`. */
export interface ModuleBody {
  /** `module_init`: 0, or -errno, and the module is not loaded. */
  init(): number | void;
  /** `module_exit`; a module without one can't be removed. */
  exit?(): void;
  /** Its functions' bodies, by name. Arguments are signed words, NaN where unknown; so is the result. */
  readonly functions?: Readonly<Record<string, (...args: number[]) => number | void>>;
}

/** What a module is made of. */
export interface AnyModule {
  /** As `lsmod` shows it: letters, digits, `_`. */
  readonly name: string;
  /** Parameters with their default values. */
  readonly params?: ModuleParams;
  /** Functions that can be probed, besides `init_module` and `cleanup_module`. */
  readonly functions?: Readonly<Record<string, ModuleFunction>>;
  /** Makes what it does; called before `init`, with the parameters as given to `insmod`. */
  setup(k: Kernel, params: ModuleParams): ModuleBody;
}

/** The value that a default stands for: `"a"` is any text. */
export type ParamValues<Defaults extends ModuleParams> = {
  readonly [Name in keyof Defaults]: Defaults[Name] extends string ? string
    : Defaults[Name] extends number ? number
    : boolean;
};

/**
 * Defines a module. Load it with `kernel.modules.insmod`.
 *
 * @throws {TypeError} If its name is not one that a module can have.
 */
export function kernelModule<const Defaults extends ModuleParams>(definition: {
  readonly name: string;
  readonly params?: Defaults;
  readonly functions?: Readonly<Record<string, ModuleFunction>>;
  setup(k: Kernel, params: ParamValues<Defaults>): ModuleBody;
}): AnyModule {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,54}$/.test(definition.name)) {
    throw new TypeError(
      `Cannot define module "${definition.name}": a module's name is letters, digits and "_", at most 55`,
    );
  }
  return {
    ...definition,
    // `insmod` checks that each value given is of its default's kind.
    setup: (k, params) => definition.setup(k, params as ParamValues<Defaults>),
  };
}
