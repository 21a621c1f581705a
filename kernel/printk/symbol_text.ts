/**
 * Symbols as the kernel prints them.
 *
 * @module
 */

import type { SymbolInfo } from "../../image/model.ts";

/** A symbol, and how far behind its start. */
export interface SymbolPlace {
  readonly symbol: SymbolInfo;
  readonly offset: number;
}

/** `sprint_symbol`, `%pS`: `vfs_read+0x10/0x310`, with ` [module]` for a module's. */
export function sprintSymbol({ symbol, offset }: SymbolPlace): string {
  const { name, size } = symbol;
  return `${name}+0x${offset.toString(16)}/0x${size.toString(16)}${moduleSuffix(symbol)}`;
}

/** `sprint_symbol_no_offset`, `%ps`: `vfs_read`, with ` [module]` for a module's. */
export function sprintSymbolNoOffset(symbol: SymbolInfo): string {
  return symbol.name + moduleSuffix(symbol);
}

function moduleSuffix({ module }: SymbolInfo): string {
  return module === undefined ? "" : ` [${module}]`;
}
