/**
 * Whatever is written to the files of probe events, all that shows their state agrees afterwards.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { coreImage } from "../../../image/mod.ts";
import { KPROBE_FLAG_DISABLED } from "../../kprobes/mod.ts";
import { Kernel } from "../../kernel.ts";
import { ShapeLibrary } from "../../shapes/library.ts";

const T = "/sys/kernel/tracing/";
const image = await coreImage("x86_64");

const oneOf = (...items: string[]): fc.Arbitrary<string> => fc.constantFrom(...items);
const kind = oneOf("p", "p", "p", "r", "r", "r3", "r0", "p1", "r9999", "x", "");
const event = oneOf("", ":a", ":b", ":g/a", ":g/", ":h.b", ":c-d", ":/", ":sched/a", ":sched/sched_switch");
const place = oneOf(
  "vfs_read",
  "vfs_write",
  "vfs_read+5",
  "vfs_read+7",
  "vfs_read+1",
  "vfs_open%return",
  "vfs_open%bogus",
  "nosuch",
  "mod:nosuch",
  "0x1234",
  "0",
  "do_syscall_64",
);
const fetch: fc.Arbitrary<string> = fc.letrec<{ fetch: string }>((tie) => ({
  fetch: fc.oneof(
    { maxDepth: 4 },
    oneOf("%di", "%nosuch", "$arg1", "$arg99", "$stack", "$stack2", "$retval", "$comm", "@jiffies", "@0x10"),
    oneOf("\\5", "\\-1", '\\"s"', '\\"s', "@+1", "$", "%", ""),
    fc.tuple(oneOf("+0", "-8", "+u4", "+x"), tie("fetch"), oneOf(")", ")", "")).map(([o, f, c]) =>
      `${o}(${f}${c}`
    ),
  ),
})).fetch;
const type = oneOf(
  "",
  "",
  ":u8",
  ":x64",
  ":string",
  ":ustring",
  ":symbol",
  ":symstr",
  ":b3@2/8",
  ":b9@2/8",
  ":u7",
  ":u8[2]",
  ":string[3]",
  ":u8[0]",
);
const arg = fc.tuple(oneOf("", "", "x=", "y=", "1=", "="), fetch, type).map((parts) => parts.join(""));
const definition = fc.tuple(kind, event, place, fc.array(arg, { maxLength: 3 }))
  .map(([k, e, p, args]) => [k + e, p, ...args].join(" "));
const deletion = fc.tuple(oneOf("-", "-", "-x"), event, oneOf("", " vfs_read", " vfs_read x=%di"))
  .map((parts) => parts.join(""));

type Step = { readonly file: string; readonly text: string; readonly append: boolean };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: definition.map((text) => ({ file: "kprobe_events", text, append: true })) },
  { weight: 2, arbitrary: deletion.map((text) => ({ file: "kprobe_events", text, append: true })) },
  { weight: 1, arbitrary: fc.constant({ file: "kprobe_events", text: "", append: false }) },
  {
    weight: 3,
    arbitrary: fc.tuple(
      oneOf("events/kprobes/a", "events/kprobes/b", "events/g/a", "events/kprobes", "events/g", "events/h"),
      oneOf("0", "1", "1", "2"),
    ).map(([file, text]) => ({ file: `${file}/enable`, text, append: true })),
  },
);

function read(k: Kernel, file: string): string {
  const result = k.tracefs.read(file.startsWith("/") ? file : T + file);
  assert(result.ok, file);
  return result.value;
}

/** Everything that must agree. */
function check(k: Kernel): void {
  const lines = read(k, "kprobe_events").split("\n").filter((line) => line !== "");
  const names = lines.map((line) => /^[pr]\d*:(\S+)/.exec(line)?.[1] ?? "");
  // The profile has a line for each probe, in the same order.
  const profile = read(k, "kprobe_profile").split("\n").filter((line) => line !== "");
  assertEquals(profile.map((line) => line.trim().split(/\s+/)[0]), names.map((name) => name.split("/")[1]));
  // The events directory has exactly these events, each with a format and a number of its own.
  const events = [...new Set(names)];
  const ids = events.map((name) => {
    assertEquals(read(k, `events/${name}/format`).split("\n")[0], `name: ${name.split("/")[1]}`);
    return read(k, `events/${name}/id`);
  });
  assertEquals(new Set(ids).size, ids.length);
  for (const group of ["kprobes", "g", "h"]) {
    const listed = k.tracefs.list(`${T}events/${group}`);
    const found = listed.ok ? listed.value.filter((name) => name !== "enable" && name !== "filter") : [];
    const wanted = events.filter((name) => name.startsWith(`${group}/`)).map((name) =>
      name.split("/")[1] ?? ""
    );
    assertEquals([...found], wanted.sort());
    assertEquals(listed.ok, wanted.length > 0);
  }
  // What is registered is armed exactly where its event is on, and text is patched exactly where something is armed.
  const probes = k.tracefs.events.probes.probes;
  assertEquals(probes.length, lines.length);
  const registered = probes.filter((probe) => probe.isRegistered);
  assertEquals(registered.length, k.kprobes.list().length);
  for (const probe of registered) {
    const on = probe.event?.enabled ?? false;
    assertEquals((probe.kp.flags & KPROBE_FLAG_DISABLED) === 0, on, probe.text);
    const state = read(k, `events/${probe.definition.group}/${probe.definition.event}/enable`);
    assertEquals(state, on ? "1\n" : "0\n");
  }
  const armed = new Set(
    registered.filter((probe) => probe.event?.enabled).map((probe) => k.kprobes.pointOf(probe.kp)?.address),
  );
  const patched = new Set(k.memory.text.patches().map(({ address }) => address));
  assertEquals([...patched].sort(), [...armed].sort());
}

Deno.test("random definitions, deletions and switches leave list, profile, directory and text in agreement", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const k = new Kernel(image, ShapeLibrary.empty());
      for (const { file, text, append } of steps) {
        const before = read(k, "kprobe_events");
        const node = k.tracefs.stat(T + file);
        const result = k.tracefs.write(T + file, text === "" ? "" : `${text}\n`, { append });
        // What is refused changes nothing; a deletion of several may stop half way.
        if (!result.ok && !text.startsWith("-") && node.ok) assertEquals(read(k, "kprobe_events"), before);
        check(k);
      }
    }),
    { numRuns: 60, seed: 20 },
  );
});
