/**
 * Prints how many of how many recorded commands agree, and where the others differ:
 * `deno run --allow-read --allow-env tests/conformance/report.ts [--quiet] [NAME…]`, names as `x86_64-b`.
 *
 * @module
 */

import { readRecording, recordingNames } from "./recordings.ts";
import { type Outcome, runRecording } from "./runner.ts";

/** A line of a difference: `-` recorded, `+` printed here. */
export function difference({ expected, got }: Outcome): string[] {
  const lines: string[] = [];
  let at = 0;
  let here = 0;
  while (at < expected.length || here < got.length) {
    if (at < expected.length && expected[at] === got[here]) {
      at++;
      here++;
      continue;
    }
    const again = expected.indexOf(got[here] ?? "\0", at);
    const later = got.indexOf(expected[at] ?? "\0", here);
    if (at < expected.length && (later < 0 || (again >= 0 && again - at < later - here))) {
      lines.push(`- ${expected[at++]}`);
      if (later < 0 && again < 0 && here < got.length) lines.push(`+ ${got[here++]}`);
    } else if (here < got.length) lines.push(`+ ${got[here++]}`);
  }
  return lines;
}

if (import.meta.main) {
  const quiet = Deno.args.includes("--quiet");
  const wanted = Deno.args.filter((arg) => !arg.startsWith("--"));
  let agreed = 0;
  let all = 0;
  for (const name of recordingNames()) {
    if (wanted.length > 0 && !wanted.some((prefix) => name.startsWith(prefix))) continue;
    const outcomes = await runRecording(readRecording(name));
    const agreeing = outcomes.filter((outcome) => outcome.agrees).length;
    agreed += agreeing;
    all += outcomes.length;
    console.log(`${name}: ${agreeing} of ${outcomes.length}`);
    if (quiet) continue;
    for (const outcome of outcomes) {
      if (outcome.agrees) continue;
      console.log(`\n${outcome.id} (line ${outcome.line})\n$ ${outcome.command.slice(0, 200)}`);
      for (const line of difference(outcome).slice(0, 40)) console.log(`  ${line.slice(0, 240)}`);
    }
  }
  console.log(`\n${agreed} of ${all} commands agree`);
}
