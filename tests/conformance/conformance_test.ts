import { assertEquals } from "@std/assert";
import { parseRecording } from "./parse.ts";
import { readRecording, recordingNames } from "./recordings.ts";
import { difference } from "./report.ts";
import { runRecording } from "./runner.ts";

/** Commands that don't agree, by id, with the reason. */
const EXPECTED: Readonly<Record<string, string>> = JSON.parse(
  Deno.readTextFileSync(new URL("./expected.json", import.meta.url)),
);

for (const name of recordingNames()) {
  Deno.test(`${name}: every command prints what it printed on the real kernel, but for those listed`, async () => {
    const outcomes = await runRecording(readRecording(name));
    const surprises = outcomes.flatMap((outcome) => {
      const listed = Object.hasOwn(EXPECTED, outcome.id);
      if (outcome.agrees) return listed ? [`${outcome.id} agrees now: take it off expected.json`] : [];
      return listed ? [] : [`${outcome.id}: $ ${outcome.command}`, ...difference(outcome)];
    });
    assertEquals(surprises, []);
  });
}

Deno.test("what is listed as different is a command of a recording", () => {
  const ids = new Set(
    recordingNames().flatMap((name) => readRecording(name).entries.map((entry) => `${name} ${entry.id}`)),
  );
  assertEquals(Object.keys(EXPECTED).filter((id) => !ids.has(id)), []);
  assertEquals(Object.values(EXPECTED).filter((reason) => reason.length < 20), []);
});

Deno.test("a recording that says otherwise is noticed, line by line", async () => {
  const recording = readRecording("arm64-h-maxactive-default-cpus6");
  const text = recording.text.replace("r12:kprobes/dflt", "r10:kprobes/dflt").replace(
    "= -1 EINVAL",
    "= -1 ENOENT",
  )
    .replace("           ^", "            ^");
  const outcomes = await runRecording({ ...recording, text, entries: parseRecording(text) });
  assertEquals(outcomes.filter((outcome) => !outcome.agrees).map(difference), [
    ["- r10:kprobes/dflt vfs_read", "+ r12:kprobes/dflt vfs_read"],
    [
      "- write(11 bytes) = -1 ENOENT (22, Invalid argument)",
      "+ write(11 bytes) = -1 EINVAL (22, Invalid argument)",
      "-                    ^",
      "+                   ^",
    ],
  ]);
});
