/**
 * Module parameters, as `insmod` takes them.
 *
 * @module
 */

import { EINVAL, ENOSPC } from "../syscalls/errno.ts";
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
    if (parsed === "too long") {
      return { errno: ENOSPC, message: `${module}: \`${value}' too large for parameter \`${name}'` };
    }
    if (parsed === "invalid") {
      return { errno: EINVAL, message: `${module}: \`${value}' invalid for parameter \`${name}'` };
    }
    params[name] = parsed.value;
  }
  return { params, warnings };
}

type Parsed = { readonly value: ModuleParam } | "too long" | "invalid";

function parseParam(usual: ModuleParam, given: ModuleParam): Parsed {
  const text = String(given);
  switch (typeof usual) {
    case "string":
      return text.length > MAX_TEXT ? "too long" : { value: text };
    case "number": {
      const value = Number(text);
      const isInt = /^[-+]?(0[xX][0-9a-fA-F]+|\d+)$/.test(text) && value === (value | 0);
      return isInt ? { value } : "invalid";
    }
    case "boolean":
      if (/^([yYtT1]|[oO][nN])/.test(text)) return { value: true };
      if (/^([nNfF0]|[oO][fF])/.test(text)) return { value: false };
      return "invalid";
  }
}
