import { assertEquals } from "@std/assert";
import { coreImage, fullImage } from "../../../image/mod.ts";
import type { TracepointField } from "../../../image/model.ts";
import { TraceRecord } from "../../tracing/record.ts";
import type { TraceValue } from "../../tracing/reference.ts";
import { BytesReader } from "./bytes_reader.ts";
import { PrintFmt, type PrintFmtHost } from "./print_fmt.ts";

const HOST: PrintFmtHost = {
  arch: "x86_64",
  named: (name) => name === "NINE" ? 9 : undefined,
  structSize: () => undefined,
  hashed: (address) => `hash(${address})`,
  symbolText: (address) => `sym+0x${address.toString(16)}/0x10`,
  symbolName: () => "sym",
  readString: () => "there",
};

async function print(
  name: `${string}:${string}`,
  values: Readonly<Record<string, TraceValue>>,
): Promise<string> {
  const image = await coreImage("x86_64");
  const info = image.tracepoint(name);
  if (info === undefined) throw new Error(name);
  const record = new TraceRecord(info);
  record.begin(7);
  for (const [key, value] of Object.entries(values)) {
    record.put(info.fields.find((f) => f.name === key) as TracepointField, value);
  }
  const format = new PrintFmt(info.printFmt, info.common, info.fields, {
    ...HOST,
    named: (n) => image.enumerator(n),
  });
  return format.print(new BytesReader(record.bytes()));
}

Deno.test("events of the kernel print as recorded", async () => {
  const waking = {
    prev_comm: "sh",
    prev_pid: 90,
    prev_prio: 120,
    next_comm: "true",
    next_pid: 122,
    next_prio: 120,
  };
  assertEquals(
    await print("sched:sched_switch", { ...waking, prev_state: 1 }),
    "prev_comm=sh prev_pid=90 prev_prio=120 prev_state=S ==> next_comm=true next_pid=122 next_prio=120",
  );
  assertEquals(
    (await print("sched:sched_switch", { ...waking, prev_state: 0x100 })).includes("prev_state=R+ ==>"),
    true,
  );
  assertEquals(
    await print("sched:sched_wakeup", { comm: "rcu_preempt", pid: 15, prio: 120, target_cpu: 0 }),
    "comm=rcu_preempt pid=15 prio=120 target_cpu=000",
  );
  assertEquals(
    await print("sched:sched_process_exec", { filename: "/proc/self/exe", pid: 122, old_pid: 122 }),
    "filename=/proc/self/exe pid=122 old_pid=122",
  );
});

Deno.test("a line of C: casts, choices, flags, names, arrays", () => {
  const fields: TracepointField[] = [
    { name: "v", type: "int", offset: 8, size: 4, signed: true },
    { name: "w", type: "u64", offset: 16, size: 8, signed: false },
    { name: "arr", type: "u8[4]", offset: 24, size: 4, signed: false },
  ];
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, -2, true);
  view.setBigUint64(16, 0x1_0000_0005n, true);
  bytes.set([192, 168, 0, 1], 24);
  const record = new BytesReader(bytes);
  const cases: Readonly<Record<string, string>> = {
    '"%d %u %x", REC->v, REC->v, REC->v': "-2 4294967294 fffffffe",
    '"%lld|%08lx|%-4d|%+d", REC->v, REC->w, 5, 5': "-2|100000005|5   |+5",
    '"%u", (unsigned int)REC->w': "5",
    '"%u", ((unsigned int) ((REC->w) & 0xffffU))': "5",
    '"%s", REC->v < 0 ? "neg" : "pos"': "neg",
    '"%s%s", REC->w & 1 ? "a" : "", !REC->v ? "" : "b"': "ab",
    '"%s", __print_flags(REC->w, "|", { 1, "ONE" }, { 4, "FOUR" })': "ONE|FOUR|0x100000000",
    '"%s", __print_symbolic(REC->v & 7, { 6, "six" }, { NINE, "nine" })': "six",
    '"%s", __print_symbolic(NINE, { 1, "one" })': "0x9",
    '"%pI4 %d", REC->arr, REC->arr[1]': "192.168.0.1 168",
    '"%s", __print_hex(REC->arr, 4)': "c0 a8 00 01",
    '"%s", __print_array(REC->arr, 2, 1)': "{0xc0,0xa8}",
    '"%p %pS %ps", (void *)REC->w, (void *)REC->w, (void *)REC->w':
      "hash(4294967301) sym+0x100000005/0x10 sym",
    '"%d%% " "of %lu", 50, sizeof(u64)': "50% of 8",
    '"%llu", REC->w >> 32 == 1 && 3 * (2 + 1) == 9': "1",
    '"%s", only_the_source_knows(REC->v)': "v=-2 w=4294967301 arr={0xc0,0xa8,0x0,0x1}",
  };
  for (const [format, expected] of Object.entries(cases)) {
    assertEquals(new PrintFmt(format, [], fields, HOST).print(record), expected, format);
  }
});

Deno.test("all formats of the kernel are understood but those that call its functions", async () => {
  const image = await fullImage("x86_64");
  const others = image.tracepoints().filter((name) => {
    const info = image.tracepoint(name as `${string}:${string}`);
    if (info === undefined) throw new Error(name);
    const record = new TraceRecord(info);
    record.begin(1);
    // A format that isn't understood prints its fields, without the format's own text.
    const format = new PrintFmt(info.printFmt.replace('"', '"understood: '), info.common, info.fields, {
      ...HOST,
      named: (n) => ["vmemmap_base", "jiffies"].includes(n) ? 0 : image.enumerator(n),
    });
    return !format.print(new BytesReader(record.bytes())).startsWith("understood: ");
  });
  assertEquals(others, [
    "intel_iommu:prq_report",
    "ras:extlog_mem_event",
    "ras:mc_event",
    "xen:xen_mc_entry",
    "xen:xen_mc_extend_args",
  ]);
});
