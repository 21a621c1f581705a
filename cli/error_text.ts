/**
 * Errors as the terminal shows them: a sentence no stack trace.
 *
 * @module
 */

import { bold, red } from "@std/fmt/colors";
import { ProgramError } from "../graph/diagnostic.ts";
import { UsageError } from "../commands/context.ts";

/** `error: Cannot …`. Sentences are complete in themselves: causes are for programs, not for readers. */
export function errorText(error: unknown, colors: boolean): string {
  const text = messageOf(error);
  // A program's diagnostics say of each finding where it is and that it is an error.
  if (error instanceof ProgramError) return text;
  const line = `${colors ? red(bold("error:")) : "error:"} ${text}`;
  return error instanceof UsageError ? `${line}\nkscope --help tells more.` : line;
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return `Thrown: ${Deno.inspect(error, { colors: false })}`;
}
