/**
 * The REPL over piped input: no prompt, no colours, results on stdout, errors on stderr with their line.
 *
 * @module
 */

import type { Output } from "../commands/context.ts";
import { display } from "./display.ts";
import type { Shell } from "./shell.ts";

/** Runs every line. Resolves to the exit code: 1 if any line failed. */
export async function runPiped(
  shell: Shell,
  lines: AsyncIterable<string>,
  out: Output,
): Promise<number> {
  let code = 0;
  let pending = "";
  let number = 0;
  let start = 1;
  for await (const line of lines) {
    number++;
    if (pending === "") start = number;
    const source = pending === "" ? line : `${pending}\n${line}`;
    const result = await shell.run(source);
    pending = result.kind === "more" ? source : "";
    if (result.kind === "value") out.write(`${display(result.value, { colors: false, columns: 80 })}\n`);
    if (result.kind === "error") {
      code = 1;
      out.note(`line ${start}: ${result.message}`);
    }
    if (result.kind === "exit") return code;
  }
  if (pending !== "") {
    code = 1;
    out.note(`line ${start}: the input ends before this is finished: ${pending.split("\n")[0]}`);
  }
  return code;
}

/** Lines of a stream of bytes, without their ends. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncIterable<string> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield line.replace(/\r$/, "");
  }
  if (rest !== "") yield rest;
}
