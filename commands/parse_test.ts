import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "./context.ts";
import { type AnyCommand, command } from "./definition.ts";
import { commandHelp } from "./help.ts";
import { parseWords, splitWords } from "./parse.ts";

const sample: AnyCommand = command({
  name: "sample",
  place: "both",
  summary: "Do a thing",
  arguments: [{ name: "THING", summary: "what to do it to", required: true }, {
    name: "MORE",
    summary: "more",
  }],
  options: [
    { kind: "choice", name: "arch", summary: "Kernel", choices: ["x86_64", "arm64"], default: "x86_64" },
    { kind: "integer", name: "cpus", short: "c", value: "N", summary: "CPUs", min: 1, max: 64, default: 2 },
    { kind: "text", name: "replay", value: "FILE", summary: "Recording" },
    { kind: "flag", name: "keep-going", summary: "Go on" },
  ],
  examples: [{ line: "sample it", summary: "The thing itself" }],
  run() {},
});

function refusal(words: readonly string[]): string {
  return assertThrows(() => parseWords(sample, words), UsageError).message;
}

Deno.test("words and options are told apart, defaults filled in", () => {
  assertEquals(parseWords(sample, ["a"]), {
    values: { arch: "x86_64", cpus: 2, replay: undefined, keepGoing: false },
    words: ["a"],
  });
  assertEquals(
    parseWords(sample, ["--arch=arm64", "a", "-c", "4", "--keep-going", "--replay", "x", "--", "-b"]),
    {
      values: { arch: "arm64", cpus: 4, replay: "x", keepGoing: true },
      words: ["a", "-b"],
    },
  );
});

Deno.test("wrong usage is one sentence with what would do", () => {
  assertEquals(refusal(["a", "--arhc", "arm64"]), 'Unknown option "--arhc"; did you mean "--arch"?');
  assertEquals(
    refusal(["a", "--zzz"]),
    'Unknown option "--zzz"; "sample" has --arch, --cpus, --replay, --keep-going or --help',
  );
  assertEquals(
    refusal(["a", "--arch", "amr64"]),
    'Option "--arch" is "amr64": it takes x86_64 or arm64; did you mean "arm64"?',
  );
  assertEquals(
    refusal(["a", "--cpus", "65"]),
    'Option "--cpus" is "65": it takes a whole number from 1 to 64',
  );
  assertEquals(
    refusal(["a", "--cpus", "2x"]),
    'Option "--cpus" is "2x": it takes a whole number from 1 to 64',
  );
  assertEquals(refusal(["a", "--cpus"]), 'Option "--cpus" needs a value');
  assertEquals(refusal(["a", "--keep-going=1"]), 'Option "--keep-going" takes no value, got "1"');
  assertEquals(refusal([]), '"sample" needs THING: what to do it to');
  assertEquals(refusal(["a", "b", "c"]), '"sample" has no place for "c": it takes THING or MORE');
});

Deno.test("quotes keep spaces in a dot-command's words", () => {
  assertEquals(splitWords(`.list -v "struct path" 'a b' c`), [".list", "-v", "struct path", "a b", "c"]);
});

Deno.test("help shows examples first, then usage and options", () => {
  assertEquals(
    commandHelp(sample, "."),
    `Do a thing.

  .sample it
      The thing itself

Usage: .sample THING [MORE] [options]

  THING                what to do it to
  MORE                 more
  --arch x86_64|arm64  Kernel (default x86_64)
  -c, --cpus N         CPUs (default 2)
  --replay FILE        Recording
  --keep-going         Go on
`,
  );
});
