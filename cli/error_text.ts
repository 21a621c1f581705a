/**
 * Errors as the terminal shows them: a sentence and what it rests on, no stack trace.
 *
 * @module
 */

import { bold, red } from "@std/fmt/colors";
import { ProgramError } from "../graph/diagnostic.ts";
import { UsageError } from "../commands/context.ts";

/** `error: Cannot …`. The cause is added where the sentence doesn't contain it already. */
export function errorText(error: unknown, colors: boolean): string {
  const mark = colors ? red(bold("error:")) : "error:";
  let text = messageOf(error);
  for (let cause = causeOf(error); cause !== undefined; cause = causeOf(cause)) {
    const reason = messageOf(cause);
    if (isSentence(cause) && !text.includes(reason)) text += `: ${reason}`;
  }
  // A program's diagnostics say of each finding where it is and that it is an error.
  if (error instanceof ProgramError) return text;
  return error instanceof UsageError ? `${mark} ${text}\nkscope --help tells more.` : `${mark} ${text}`;
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return `Thrown: ${Deno.inspect(error, { colors: false })}`;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** Errors of the runtime itself (`NotFound`, …) are told by the sentence that wraps them. */
function isSentence(error: unknown): boolean {
  return error instanceof Error && Object.getPrototypeOf(error) !== undefined &&
    !Object.values(Deno.errors).some((kind) => error instanceof kind);
}
