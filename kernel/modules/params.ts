/**
 * Module parameters, as `insmod` takes them.
 *
 * @module
 */

import { EINVAL, ENOSPC } from "../syscalls/errno.ts";
import { isErrno, kstrtol } from "../tracefs/probe_events/kstrto.ts";
import type { ModuleParam, ModuleParams } from "./definition.ts";

/** Most characters of a text parameter (`param_set_charp`). */
const MAX_TEXT = 1024;

/** Values for all parameters, or -errno with what the kernel logs. */
export type ParsedParams =
  | { readonly params: ModuleParams; readonly warnings: readonly string[] }
  | { readonly errno: number; readonly message: string };

/** Puts given values over the defaults. What a definition doesn't know is left out with a warning. */
export function parseParams(
  module: string,
  defaults: ModuleParams,
  given: Readonly<Record<string, ModuleParam>>,
): ParsedParams {
  const params: Record<string, ModuleParam> = { ...defaults };
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    const usual = Object.hasOwn(defaults, name) ? defaults[name] : undefined;
    if (usual === undefined) {
      warnings.push(`${module}: unknown parameter '${name}' ignored`);
      continue;
    }
    const parsed = parseParam(usual, value);
    if (typeof parsed === "number") {
      const what = parsed === -ENOSPC ? "too large" : "invalid";
      return { errno: -parsed, message: `${module}: \`${value}' ${what} for parameter \`${name}'` };
    }
    params[name] = parsed.value;
  }
  return { params, warnings };
}

/** A value, or -errno. */
type Parsed = { readonly value: ModuleParam } | number;

function parseParam(usual: ModuleParam, given: ModuleParam): Parsed {
  const text = String(given);
  switch (typeof usual) {
    case "string":
      return text.length > MAX_TEXT ? -ENOSPC : { value: text };
    case "number": {
      // `kstrtoint` of base 0: 0x and 0 are prefixes.
      const value = kstrtol(text, 0, 32);
      return isErrno(value) ? value : { value: Number(value) };
    }
    case "boolean":
      if (/^([yYtT1]|[oO][nN])/.test(text)) return { value: true };
      if (/^([nNfF0]|[oO][fF])/.test(text)) return { value: false };
      return -EINVAL;
  }
}
