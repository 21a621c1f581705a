import { assertEquals, assertThrows } from "@std/assert";
import { main, parseRelease, type Sources, stepsOf } from "./rebuild.ts";

const SOURCES: Sources = {
  folder: "in",
  releases: { x86_64: "6.1.0-amd64", arm64: "6.1.0-arm64", i386: "6.1.0-686" },
  functions: "names.txt",
  without: ["calls-disk"],
  exists: (path) => !path.startsWith("in/transcripts/i386"),
};

Deno.test("a rebuild builds and compiles each kernel before the declarations", () => {
  const steps = stepsOf(SOURCES);
  assertEquals(steps.map(({ tool }) => tool), [
    ...["build_image", "compile_shapes", "build_image", "compile_shapes", "build_image", "compile_shapes"],
    "generate_types",
  ]);
  assertEquals(
    steps[0]!.args.join(" "),
    [
      "in/facts/x86_64 --arch x86_64 --release 6.1.0-amd64 --out image/data/x86_64.kimg",
      "--core image/core/x86_64.json --functions names.txt --recordings in/programs/x86_64 in/transcripts/x86_64",
    ].join(" "),
  );
  assertEquals(steps[1]!.args.slice(-2), ["--without", "calls-disk"]);
  assertEquals(steps[4]!.args.slice(-2), ["--recordings", "in/programs/i386"], "no transcripts, no folder");
  assertEquals(stepsOf({ ...SOURCES, without: [] })[1]!.args.includes("--without"), false);
});

Deno.test("releases are given per architecture", () => {
  assertEquals(parseRelease("arm64=6.1.0-56=x"), ["arm64", "6.1.0-56=x"]);
  for (const wrong of ["arm64", "arm64=", "mips=6.1", "=6.1"]) {
    assertThrows(() => parseRelease(wrong), Error, `Cannot read release "${wrong}": give ARCH=RELEASE`);
  }
});

Deno.test("a rebuild from nothing is refused, and leaves nothing behind", async () => {
  const said: unknown[] = [];
  const { error } = console;
  console.error = (text: unknown) => said.push(text);
  try {
    assertEquals(await main(["no/such/folder"]), 1);
  } finally {
    console.error = error;
  }
  assertEquals(said, ['Cannot rebuild from "no/such/folder": there is no such folder']);
});
