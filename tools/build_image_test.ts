import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";
import { bytesFromJson, openImage } from "../image/mod.ts";
import type { BtfType } from "./build_image/btf.ts";
import { writeBtf } from "./build_image/btf_writer.ts";

const TOOL = new URL("./build_image.ts", import.meta.url).pathname;

/** A kernel of three functions: `vfs_demo(struct demo *)` calls `helper`, and nothing calls `other`. */
const TYPES: readonly BtfType[] = [
  { kind: "int", name: "int", size: 4, encoding: 1, bits: 32, bitOffset: 0 },
  { kind: "struct", name: "demo", size: 8, members: [{ name: "a", type: 1, bitOffset: 32, bitSize: 0 }] },
  { kind: "ptr", to: 2 },
  { kind: "func_proto", ret: 1, params: [{ name: "demo", type: 3 }] },
  { kind: "func", name: "vfs_demo", proto: 4, linkage: 1 },
  { kind: "struct", name: "unreached", size: 4, members: [] },
  { kind: "func_proto", ret: 0, params: [] },
  { kind: "func", name: "other", proto: 7, linkage: 1 },
];
const KALLSYMS = "c1000000 T vfs_demo\nc1000010 t helper\nc1000020 T other\n";

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function build(...args: string[]): Promise<Result> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      "--no-check",
      "--allow-read",
      "--allow-write",
      TOOL,
      ...args,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, out: text(output.stdout), err: text(output.stderr) };
}

async function withFacts(
  files: Readonly<Record<string, Uint8Array | string>>,
  run: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeFile(
        `${dir}/${name}`,
        typeof content === "string" ? new TextEncoder().encode(content) : content,
      );
    }
    await run(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const I386 = ["--arch", "i386", "--release", "6.1.0-mine"];

Deno.test("an image of one's own kernel needs kallsyms and BTF only", async () => {
  await withFacts({ kallsyms: KALLSYMS, btf: writeBtf(TYPES) }, async (dir) => {
    const { code, out, err } = await build(dir, ...I386, "--out", `${dir}/my.kimg`);
    assertEquals([code, out], [
      0,
      `${dir}/my.kimg: i386 6.1.0-mine, ${
        (await Deno.stat(`${dir}/my.kimg`)).size
      } bytes, 3 symbols, 2 functions, 9 types, 0 tracepoints\n`,
    ]);
    assertStringIncludes(err, "no text.tsv: instruction boundaries and call sites stay unknown");
    const image = await openImage(await Deno.readFile(`${dir}/my.kimg`));
    assertEquals(image.functions(), ["vfs_demo", "other"]);
    assertEquals(image.prototype("vfs_demo")?.text, "int vfs_demo(struct demo * demo)");
    assertEquals(image.field(image.type("struct demo")!, "a")?.offset, 4);
    assertEquals([...image.func("vfs_demo")!.boundaries()], [0]);
    assertEquals(image.describe(0xc1000014), "helper+0x4");
    assertEquals([image.tracepoints(), image.syscallNames(), image.blacklist()], [[], [], []]);
  });
});

Deno.test("a core image has the named functions and what they reach", async () => {
  const text = "vfs_demo\tc1000000\t16\t5a1\t0:c:helper\nother\tc1000020\t1\t1\t\n";
  const facts = {
    "kallsyms.gz": gzipSync(KALLSYMS),
    "btf.gz": gzipSync(writeBtf(TYPES)),
    "text.tsv": text,
    names: "# mine\nhelper\n",
  };
  await withFacts(facts, async (dir) => {
    const { code, err } = await build(
      dir,
      ...I386,
      "--core",
      `${dir}/my.json`,
      "--functions",
      `${dir}/names`,
    );
    assertEquals([code, err.includes("no text.tsv")], [0, false]);
    const image = await openImage(bytesFromJson(JSON.parse(await Deno.readTextFile(`${dir}/my.json`))));
    assertEquals(image.whole, false);
    assertEquals(image.functions(), ["vfs_demo"]);
    assertEquals(image.symbol("helper")?.size, 16);
    assertEquals([image.symbol("other"), image.type("struct unreached")], [undefined, undefined]);
    assert(image.type("struct demo"));
    assertEquals(image.func("vfs_demo")!.callSites(), [{
      offset: 0,
      returnOffset: 5,
      kind: "call",
      target: "helper",
    }]);
  });
});

Deno.test("bad input gives one sentence, exit code 1 and no file", async () => {
  const good = { kallsyms: KALLSYMS, btf: writeBtf(TYPES) };
  const cases: [Record<string, Uint8Array | string>, string][] = [
    [{ btf: good.btf }, "neither kallsyms nor kallsyms.gz is there"],
    [{ kallsyms: good.kallsyms }, "neither btf nor btf.gz is there; copy /sys/kernel/btf/vmlinux"],
    [{ ...good, kallsyms: "c1000000 T vfs_demo\nwhat\n" }, "kallsyms, line 2: wanted"],
    [{ ...good, btf: "ELF" }, "Cannot read BTF from"],
    [
      { kallsyms: good.kallsyms, "btf.gz": gzipSync(good.btf).subarray(0, 40) },
      "the gzip data is damaged or cut short",
    ],
    [{ ...good, "text.tsv": "gone\tc1000000\t1\t1\t\n" }, 'Cannot place the text of "gone"'],
  ];
  for (const [facts, message] of cases) {
    await withFacts(facts, async (dir) => {
      const { code, out, err } = await build(dir, ...I386, "--out", `${dir}/my.kimg`);
      assertEquals([code, out], [1, ""]);
      const sentences = err.trimEnd().split("\n").filter((line) => !line.startsWith(`${dir}: no `));
      assertEquals(sentences.length, 1, err);
      assertStringIncludes(sentences[0]!, message);
      assertEquals(
        Array.from(Deno.readDirSync(dir), (entry) => entry.name).filter((name) => name.startsWith("my.")),
        [],
      );
    });
  }
});

Deno.test("wrong usage is told from wrong input", async () => {
  assertEquals((await build("--help")).code, 0);
  assertEquals((await build(".", "--arch", "mips", "--release", "x", "--out", "y")).code, 2);
  assertEquals((await build(".", ...I386)).code, 2);
  assertEquals((await build()).code, 2);
});
