/**
 * A compiled handler against the same thing written by hand: what the graph costs per hit.
 *
 * @module
 */

import { compile } from "../graph/compile.ts";
import type { Hit, Stack } from "../graph/hit.ts";
import type { Expr, MapNode, Program, Step } from "../graph/nodes.ts";
import { histIndex } from "../graph/maps/hist.ts";
import { coreImage } from "../image/load.ts";

/** One comparison: nanoseconds per hit (medians), their ratio, and bytes allocated per hit. */
export interface HandlerResult {
  readonly name: string;
  readonly fusedNs: number;
  readonly handNs: number;
  readonly ratio: number;
  readonly fusedBytes: number;
}

/** A hit that answers from fields, as a session's does; the numbers change from hit to hit. */
class BenchHit implements Hit {
  ustack(depth: number): Stack {
    return this.kstack(depth);
  }

  usym(address: number): string {
    return this.ksym(address);
  }

  at = 0;
  commText = "cat";
  pid(): number {
    return this.at & 7;
  }
  tid(): number {
    return this.at & 7;
  }
  uid(): number {
    return 0;
  }
  gid(): number {
    return 0;
  }
  comm(): string {
    return this.commText;
  }
  registers(): string {
    return "";
  }
  cpu(): number {
    return this.at & 1;
  }
  nsecs(): number {
    return this.at * 1000;
  }
  elapsed(): number {
    return this.at * 1000;
  }
  duration(): number {
    return this.at;
  }
  func(): string {
    return "vfs_read";
  }
  probe(): string {
    return "kprobe:vfs_read";
  }
  curtask(): number {
    return -4096;
  }
  arg(index: number): number {
    return index === 2 ? this.at & 0xffff : -4096;
  }
  retval(): number {
    return this.at & 0xffff;
  }
  reg(_name: string): number {
    return 0;
  }
  load(address: number, _size: number, _signed: boolean): number {
    return address;
  }
  str(_address: number, _max: number): string {
    return "";
  }
  recordLoad(offset: number, _size: number, _signed: boolean): number {
    return offset;
  }
  recordStr(_offset: number, _size: number, _dynamic: boolean): string {
    return "";
  }
  kstack(_depth: number): Stack {
    return { frames: [], key: "" };
  }
  ksym(_address: number): string {
    return "";
  }
  argExact(index: number): number {
    return this.arg(index);
  }
  retvalExact(): number {
    return this.retval();
  }
  regExact(): number {
    return 0;
  }
  loadExact(address: number): number {
    return address;
  }
  recordLoadExact(offset: number): number {
    return offset;
  }
  entry(): unknown {
    return undefined;
  }
  rand(): number {
    return this.at;
  }
  usermode(): boolean {
    return false;
  }
  probetype(): string {
    return "kprobe";
  }
  ncpus(): number {
    return 2;
  }
  jiffies(): number {
    return 0;
  }
  cgroup(): number {
    return 1;
  }
  numaid(): number {
    return 0;
  }
  bootSeconds(): number {
    return 0;
  }
  path(): string {
    return "";
  }
  print(): void {}
  printf(): void {}
  printMap(): void {}
  printEntry(): void {}
  output(): void {}
  emit(): void {}
  exit(): void {}
  opaque(): unknown {
    return 0;
  }
}

type Run = (hit: BenchHit) => void;

interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly maps: readonly MapNode[];
  hand(): Run;
}

const COMM: Expr = { op: "builtin", name: "comm" };
const IS_CAT: Step = {
  op: "filter",
  test: { op: "binary", operator: "==", left: COMM, right: { op: "literal", value: "cat" } },
};

const TID: Expr = { op: "builtin", name: "tid" };

const CASES: readonly Case[] = [
  {
    name: "filter, count",
    steps: [IS_CAT, { op: "aggregate", map: "m", key: [], value: undefined }],
    maps: [{ name: "m", aggregation: { fn: "count" }, keyParts: 0 }],
    hand: handCount,
  },
  {
    name: "filter, hist",
    steps: [IS_CAT, { op: "aggregate", map: "m", key: [], value: { op: "arg", name: "count" } }],
    maps: [{ name: "m", aggregation: { fn: "hist", bits: 0 }, keyParts: 0 }],
    hand: handHist,
  },
  {
    name: "tuple key, sum",
    steps: [{
      op: "aggregate",
      map: "m",
      key: [COMM, { op: "builtin", name: "pid" }],
      value: { op: "arg", name: "count" },
    }],
    maps: [{ name: "m", aggregation: { fn: "sum" }, keyParts: 2 }],
    hand: handSum,
  },
  {
    name: "start, delta, hist",
    steps: [
      {
        op: "store",
        map: "start",
        key: [TID],
        value: { op: "builtin", name: "nsecs" },
      },
      {
        op: "if",
        test: { op: "mapHas", map: "start", key: [TID] },
        then: [
          {
            op: "aggregate",
            map: "m",
            key: [],
            value: {
              op: "binary",
              operator: "-",
              left: { op: "builtin", name: "nsecs" },
              right: { op: "mapGet", map: "start", key: [TID] },
            },
          },
        ],
        else: [],
      },
    ],
    maps: [
      { name: "start", aggregation: { fn: "value" }, keyParts: 1 },
      { name: "m", aggregation: { fn: "hist", bits: 0 }, keyParts: 0 },
    ],
    hand: handDelta,
  },
];

function handCount(): Run {
  const cell = { count: 0 };
  return (hit) => {
    if (hit.comm() === "cat") cell.count++;
  };
}

function handHist(): Run {
  const counts = new Float64Array(64);
  return (hit) => {
    if (hit.comm() !== "cat") return;
    const index = histIndex(hit.arg(2), 0);
    counts[index] = counts[index]! + 1;
  };
}

function handSum(): Run {
  const byComm = new Map<string, Map<number, { total: number }>>();
  return (hit) => {
    const comm = hit.comm();
    const pid = hit.pid();
    let byPid = byComm.get(comm);
    if (byPid === undefined) byComm.set(comm, byPid = new Map());
    let cell = byPid.get(pid);
    if (cell === undefined) byPid.set(pid, cell = { total: 0 });
    cell.total += hit.arg(2);
  };
}

function handDelta(): Run {
  const start = new Map<number, { value: number }>();
  const counts = new Float64Array(64);
  return (hit) => {
    const tid = hit.tid();
    const now = hit.nsecs();
    const cell = start.get(tid);
    if (cell === undefined) start.set(tid, { value: now });
    else cell.value = now;
    const began = start.get(tid);
    if (began === undefined) return;
    const index = histIndex(now - began.value, 0);
    counts[index] = counts[index]! + 1;
  };
}

/** Runs all comparisons. `hits` per round, `rounds` rounds each. */
export async function benchHandlers(hits = 2_000_000, rounds = 9): Promise<readonly HandlerResult[]> {
  const image = await coreImage("x86_64");
  return CASES.map((one): HandlerResult => {
    const program: Program = {
      graph: {
        version: 2,
        probes: [{
          name: "bench",
          point: { kind: "kprobe", target: "vfs_read", offset: 0 },
          steps: one.steps,
        }],
        maps: one.maps,
      },
      functions: [],
    };
    const fused = compile(program, image).attachments[0]?.handler;
    if (fused === undefined) throw new Error(`Cannot bench "${one.name}": nothing attached`);
    const hand = one.hand();
    const [fusedLoop, handLoop] = [loop(), loop()];
    const fusedTimes: number[] = [];
    const handTimes: number[] = [];
    // In turns, so that a busy machine slows both.
    for (let round = -2; round < rounds; round++) {
      const f = fusedLoop(fused, hits);
      const h = handLoop(hand, hits);
      if (round < 0) continue;
      fusedTimes.push(f);
      handTimes.push(h);
    }
    const fusedNs = median(fusedTimes);
    const handNs = median(handTimes);
    return {
      name: one.name,
      fusedNs,
      handNs,
      ratio: fusedNs / handNs,
      fusedBytes: allocated(fused, fusedLoop, hits),
    };
  });
}

/** A loop of its own for each handler: shared ones would call through a polymorphic site. */
function loop(): (run: Run, hits: number) => number {
  return Function(
    "Hit",
    `return (run, hits) => {
      const hit = new Hit();
      const start = performance.now();
      for (let i = 0; i < hits; i++) {
        hit.at = i;
        run(hit);
      }
      return (performance.now() - start) * 1e6 / hits;
    };`,
  )(BenchHit) as (run: Run, hits: number) => number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}

/** Bytes of heap per hit: the least growth over some stretches that no collection interrupted. */
function allocated(run: Run, runLoop: (run: Run, hits: number) => number, hits: number): number {
  let least = Infinity;
  for (let i = 0; i < 5; i++) {
    const before = Deno.memoryUsage().heapUsed;
    runLoop(run, hits);
    const growth = Deno.memoryUsage().heapUsed - before;
    if (growth >= 0) least = Math.min(least, growth / hits);
  }
  return least;
}

/** The results as lines of text. */
export function handlerLines(results: readonly HandlerResult[]): string {
  return results.map((r) =>
    `${r.name.padEnd(16)} fused ${r.fusedNs.toFixed(1)} ns, by hand ${r.handNs.toFixed(1)} ns, ratio ${
      r.ratio.toFixed(2)
    }, ${r.fusedBytes.toFixed(1)} B/hit\n`
  ).join("");
}

if (import.meta.main) console.log(handlerLines(await benchHandlers()));
