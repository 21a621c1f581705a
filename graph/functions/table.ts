/**
 * The context's functions, by name.
 *
 * @module
 */

import type { ContextFunction } from "./function.ts";
import { MEMORY_FUNCTIONS } from "./memory.ts";
import { NET_FUNCTIONS } from "./net.ts";
import { NAME_FUNCTIONS } from "./number_names.ts";
import { STRING_FUNCTIONS } from "./strings.ts";
import { TIME_FUNCTIONS } from "./time.ts";

/** All of them. */
export const FUNCTIONS: ReadonlyMap<string, ContextFunction> = new Map(
  [...STRING_FUNCTIONS, ...NET_FUNCTIONS, ...NAME_FUNCTIONS, ...MEMORY_FUNCTIONS, ...TIME_FUNCTIONS].map(
    (definition) => [definition.name, definition],
  ),
);
