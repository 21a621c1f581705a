import { assert, assertEquals, assertThrows } from "@std/assert";
import { bootDisk, type Passed, record } from "../fs/ext4/testing.ts";
import { ARCHES, run } from "../syscalls/test_program.ts";
import { KeyedRandom } from "../time/random.ts";
import { makeDevice } from "./device.ts";
import { REQ_OP_FLUSH, REQ_OP_READ } from "./operations.ts";
import { diskSpec } from "./options.ts";

const AT_FDCWD = -100;
const STAGES = ["block_bio_queue", "block_getrq", "block_rq_issue", "block_rq_complete"];

/** What tracepoints told of one request, by its sector. */
function bySector(passed: readonly Passed[]): Map<number, Passed[]> {
  const requests = new Map<number, Passed[]>();
  for (const one of passed) {
    const sector = one.fields.sector;
    if (sector === undefined) continue;
    const known = requests.get(sector);
    if (known === undefined) requests.set(sector, [one]);
    else known.push(one);
  }
  return requests;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a request is queued, gets its tag, is issued and completes, with one device and sector`, async () => {
    for (const kind of ["fixed", "ssd", "hdd"] as const) {
      const k = await bootDisk(arch, { kind });
      k.vfs.makePath("/mnt/file", { size: 2 ** 20 });
      const passed = record(k, ...STAGES.map((stage) => `block:${stage}`));
      run(k, function* (p) {
        const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", 0, 0);
        const buf = p.room(4096);
        for (let i = 0; i < 64; i++) assertEquals(yield* p.call("read", fd, buf, 4096), 4096);
      });
      const requests = bySector(passed);
      assert(requests.size >= 5);
      // What was read ahead last may still be under way when the program ends.
      const underWay = [...requests].filter(([, stages]) => stages.length < STAGES.length);
      assertEquals(k.block.disks.map(({ inFlight }) => inFlight), [underWay.length]);
      for (const [sector, stages] of requests) {
        if (stages.length < STAGES.length) continue;
        assertEquals(stages.map(({ name }) => name), STAGES, `${kind}, sector ${sector}`);
        assertEquals(new Set(stages.map(({ fields }) => fields.dev)).size, 1);
        assertEquals(new Set(stages.map(({ fields }) => fields.nr_sector)).size, 1);
        const [queued, , issued, done] = stages.map(({ time }) => time);
        assert((queued ?? 0) <= (issued ?? 0));
        assert((done ?? 0) - (issued ?? 0) >= 10_000, `${kind}: ${(done ?? 0) - (issued ?? 0)} ns`);
      }
    }
  });
}

Deno.test("no more requests are under way than the queue is deep", async () => {
  for (const queueDepth of [1, 2, 8]) {
    const k = await bootDisk("x86_64", { kind: "ssd", queueDepth });
    k.vfs.makePath("/mnt/file", { size: 2 ** 20 });
    const passed = record(k, "block:block_rq_issue", "block:block_rq_complete");
    run(k, function* (p) {
      const fd = yield* p.call("openat", AT_FDCWD, "/mnt/file", 0o2, 0);
      assertEquals(yield* p.call("write", fd, p.room(4096), 4096), 4096);
      assertEquals(yield* p.call("fsync", fd), 0);
      assertEquals(yield* p.call("read", fd, p.room(65536), 65536), 65536);
    });
    let underWay = 0;
    for (const { name } of passed) {
      underWay += name === "block_rq_issue" ? 1 : -1;
      assert(underWay <= queueDepth + 1, `${underWay} of ${queueDepth}`);
    }
  }
});

Deno.test("a null disk takes the time that it is told; an SSD varies; a spinning disk seeks", () => {
  const random = new KeyedRandom(1);
  const read = (sector: number, bytes = 4096) => ({ opf: REQ_OP_READ, sector, bytes });
  const fixed = makeDevice("fixed", { ns: 5000 }, random, 0, 2 ** 21);
  assertEquals([fixed.service(read(0), 100), fixed.service(read(999), 100)], [5100, 5100]);
  const times = (kind: "ssd" | "hdd", sectors: readonly number[], seed = 1) => {
    const device = makeDevice(kind, {}, new KeyedRandom(seed), 0, 2 ** 21);
    let now = 0;
    return sectors.map((sector) => {
      const before = now;
      now = device.service(read(sector), now);
      return now - before;
    });
  };
  const anywhere = Array.from({ length: 200 }, (_, i) => (i * 7919 * 64) % 2 ** 21);
  const inOrder = Array.from({ length: 200 }, (_, i) => i * 8);
  const ssd = times("ssd", anywhere);
  assertEquals(ssd, times("ssd", anywhere));
  assert(new Set(ssd).size > 100);
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  assert(sum(times("hdd", anywhere)) > 20 * sum(times("hdd", inOrder)));
  assert(sum(times("hdd", anywhere)) / 200 > 4_000_000);
  const flush = makeDevice("hdd", {}, random, 0, 2 ** 21);
  assert(flush.service({ opf: REQ_OP_FLUSH, sector: 0, bytes: 0 }, 0) > 0);
});

Deno.test("options of a disk that make no sense are told", () => {
  const cases: [Parameters<typeof diskSpec>[0], string][] = [
    [{ bytes: 1000 }, "1000 bytes"],
    [{ queueDepth: 0 }, "queue of 0"],
    [{ name: "/dev/sda" }, "/dev/sda"],
    [{ latency: { ns: -1 } }, "ns -1"],
    [{ badSectors: [[1, 0]] }, "[1, 0]"],
  ];
  for (const [options, message] of cases) assertThrows(() => diskSpec(options, 0), TypeError, message);
});
