/** Memory calls, page faults, kmem tracepoints, swap and the OOM killer, by Linux's rules, on three architectures. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  attach,
  bootKernel,
  builtinWorkload,
  type Kernel,
  kprobe,
  kretprobe,
  program,
  programWorkload,
  type Steps,
  type Sys,
  tracepoint,
} from "../mod.ts";
import { zoneOf } from "../kernel/mm/zone.ts";
import { swapSpace } from "../kernel/mm/swap_space.ts";

const ARCHES = ["x86_64", "arm64", "i386"] as const;
const PAGE = 4096;
const ENOMEM = -12;
const EFAULT = -14;
const EINVAL = -22;

async function boot(arch: typeof ARCHES[number]): Promise<Kernel> {
  return await bootKernel({ arch, image: "whole" });
}

function run(k: Kernel, body: (sys: Sys) => Steps<void>): void {
  let done = false;
  const workload = programWorkload({
    name: "test",
    description: "memory",
    prepare: (kernel) => void kernel.vfs.makePath("/bin/test", { mode: 0o100755, size: 65536 }),
    programs: [{
      *program(sys): Steps<void> {
        yield* sys.execve("/bin/test");
        yield* body(sys);
        done = true;
      },
    }],
  });
  workload.start(k);
  assertEquals(k.scheduler.run().reason, "done");
  assert(done, "the program ran to its end");
}

const ANON = "MAP_PRIVATE|MAP_ANONYMOUS";

for (const arch of ARCHES) {
  Deno.test(`${arch}: memory calls return what Linux returns`, async () => {
    const k = await boot(arch);
    run(k, function* (sys) {
      const at = yield* sys.mmap(8 * PAGE, "PROT_READ|PROT_WRITE", ANON);
      const hole = at + 4 * PAGE;
      assertEquals(yield* sys.munmap(hole, PAGE), 0);
      const expected: readonly (readonly [number, string, ...number[]])[] = [
        [EINVAL, "munmap", at + 1, PAGE],
        [EINVAL, "munmap", at, 0],
        [0, "munmap", hole, PAGE],
        [EINVAL, "mprotect", at + 1, PAGE, 1],
        [0, "mprotect", at, 0, 1],
        [ENOMEM, "mprotect", at + 3 * PAGE, 2 * PAGE, 1],
        [EINVAL, "mprotect", at, PAGE, 0x100],
        [EINVAL, "madvise", at, PAGE, 99],
        [EINVAL, "madvise", at + 1, PAGE, 4],
        [0, "madvise", at, 0, 4],
        [ENOMEM, "madvise", at, 8 * PAGE, 4],
        [0, "madvise", at, PAGE, 8],
        [ENOMEM, "mlock", at, 8 * PAGE],
        [0, "mlock", at, PAGE],
        [EINVAL, "madvise", at, PAGE, 4],
        [0, "munlock", at, PAGE],
        [EINVAL, "mlock2", at, PAGE, 2],
        [EINVAL, "mlockall", 0],
        [EINVAL, "mlockall", 4],
        [EINVAL, "msync", at + 1, PAGE, 4],
        [EINVAL, "msync", at, PAGE, 5],
        [ENOMEM, "msync", at, 8 * PAGE, 4],
        [0, "msync", at, PAGE, 4],
        [EINVAL, "mremap", at + 1, PAGE, PAGE, 0],
        [EINVAL, "mremap", at, PAGE, 0, 0],
        [EINVAL, "mremap", at, PAGE, PAGE, 2],
        [EFAULT, "mremap", hole, PAGE, 2 * PAGE, 1],
        [EFAULT, "mremap", at, 8 * PAGE, 9 * PAGE, 1],
        [EINVAL, "mincore", at + 1, PAGE, at],
        [ENOMEM, "mincore", hole, PAGE, at],
      ];
      for (const [result, name, ...args] of expected) {
        assertEquals(yield* sys.call(name, ...args), result, `${name}(${args.join(", ")})`);
      }
      assertEquals(yield* sys.mmap(0, "PROT_READ", ANON), EINVAL);
      assertEquals(yield* sys.mmap(PAGE, "PROT_READ", "MAP_ANONYMOUS"), EINVAL);
      assertEquals(yield* sys.mmap(PAGE, "PROT_READ", "MAP_PRIVATE", 99), -9);
      assertEquals(yield* sys.mmap(PAGE, "PROT_READ", `${ANON}|MAP_FIXED`, -1, 0, at + 1), EINVAL);
      assertEquals(yield* sys.mmap(PAGE, "PROT_READ", `${ANON}|MAP_FIXED_NOREPLACE`, -1, 0, at), -17);
    });
  });

  Deno.test(`${arch}: a process reads and writes another one's memory, as far as it is mapped`, async () => {
    const k = await boot(arch);
    const word = arch === "i386" ? 4 : 8;
    run(k, function* (sys) {
      const mine = yield* sys.mmap(2 * PAGE, "PROT_READ|PROT_WRITE", ANON);
      const at = arch === "i386" ? mine >>> 0 : mine;
      k.memory.writeString(at, "parent");
      const vectors = at + PAGE;
      const vector = (slot: number, base: number, length: number): number => {
        k.memory.writeWord(vectors + slot * 16, base);
        k.memory.writeWord(vectors + slot * 16 + word, length);
        return vectors + slot * 16;
      };
      const child = yield* sys.fork(function* (inside) {
        k.memory.writeString(at, "child!");
        yield* inside.nanosleep(1_000_000);
        assertEquals(k.memory.readString(at + 16), "hello");
      });
      yield* sys.nanosleep(100_000);
      const local = vector(0, at + 32, 7);
      const remote = vector(1, at, 7);
      assertEquals(yield* sys.call("process_vm_readv", child, local, 1, remote, 1, 0), 7);
      assertEquals([k.memory.readString(at), k.memory.readString(at + 32)], ["parent", "child!"]);
      k.memory.writeString(at + 48, "hello");
      vector(0, at + 48, 6);
      vector(1, at + 16, 6);
      assertEquals(yield* sys.call("process_vm_writev", child, local, 1, remote, 1, 0), 6);
      assertEquals(k.memory.readString(at + 16), "");
      vector(1, 8 * PAGE, 6);
      assertEquals(yield* sys.call("process_vm_readv", child, local, 1, remote, 1, 0), EFAULT);
      assertEquals(yield* sys.call("process_vm_readv", child, local, 1, remote, 1, 1), EINVAL);
      assertEquals(yield* sys.call("process_vm_readv", 99999, local, 1, remote, 1, 0), -3);
      yield* sys.wait();
      assertEquals(yield* sys.call("set_mempolicy", 99, 0, 0), EINVAL);
      assertEquals(yield* sys.call("set_mempolicy", 0, 0, 0), 0);
      assertEquals(yield* sys.call("get_mempolicy", vectors, 0, 0, 0, 0), 0);
      assertEquals(k.memory.readS32(vectors), 0);
    });
  });

  Deno.test(`${arch}: a page is faulted in when it is first touched, and copied when a fork's half writes`, async () => {
    const k = await boot(arch);
    const faults: string[] = [];
    const user: number[] = [];
    let base = 0;
    let pages = 0;
    const place = (address: number): number => arch === "i386" ? address >>> 0 : address;
    const within = (address: number): boolean =>
      place(address) >= base && place(address) < base + pages * PAGE;
    const session = attach(
      program({
        in: kprobe.any("handle_mm_fault").do((c) => {
          if (within(c.arg(1))) {
            faults.push(`${c.comm} ${(place(c.arg(1)) - base) / PAGE} ${c.arg(2).toString(16)}`);
          }
        }),
        out: kretprobe.any("handle_mm_fault").do((c) =>
          void (faults.push(`= ${Number(c.retval).toString(16)}`))
        ),
      }),
      k,
    );
    const traced = arch === "arm64" ? null : attach(
      program({
        u: tracepoint("exceptions:page_fault_user").do((c) => {
          if (within(c.args.address)) user.push(c.args.error_code);
        }),
      }),
      k,
    );
    run(k, function* (sys) {
      pages = 4;
      base = yield* sys.mmap(pages * PAGE, "PROT_READ|PROT_WRITE", ANON);
      if (arch === "i386") base >>>= 0;
      faults.length = 0;
      assert(sys.peek(base));
      assert(sys.poke(base));
      assert(sys.poke(base + PAGE));
      assert(sys.peek(base + PAGE), "what is there does not fault again");
      const minor = sys.task.minorFaults;
      yield* sys.fork(function* (child) {
        k.memory.store(base + PAGE, 1, 7);
        assertEquals(k.memory.load(base + PAGE, 1, false), 7);
        yield* child.compute(1);
      });
      yield* sys.wait();
      assertEquals(k.memory.load(base + PAGE, 1, false), 0, "the parent's page is its own");
      assertEquals(sys.task.majorFaults, 0);
      assert(sys.task.minorFaults >= minor);
      pages = 0;
    });
    const own = faults.filter((line, i) =>
      line.startsWith("=") ? within(0) || faults[i - 1]?.startsWith("test") : true
    );
    // 0x254: a read of user mode; 0x255: a write. Zero page, own page, own page; then the child's copy.
    assertEquals(own.slice(0, 8), [
      "test 0 254",
      "= 0",
      "test 0 255",
      "= 8",
      "test 1 255",
      "= 0",
      "test 1 255",
      "= 8",
    ]);
    if (traced !== null) assertEquals(user, [4, 7, 6, 7]);
    void session;
  });

  Deno.test(`${arch}: an access that is not allowed ends the program with SIGSEGV, one behind a file's end with SIGBUS`, async () => {
    const k = await boot(arch);
    const statuses: number[] = [];
    attach(program({ e: kprobe.any("do_exit").do((c) => void statuses.push(c.arg(0))) }), k);
    run(k, function* (sys) {
      const readOnly = yield* sys.mmap(PAGE, "PROT_READ", ANON);
      const fd = yield* sys.open("/bin/test");
      const file = yield* sys.mmap(32 * PAGE, "PROT_READ", "MAP_PRIVATE", fd);
      for (const [at, write] of [[readOnly, true], [PAGE, false], [file + 20 * PAGE, false]] as const) {
        const pid = yield* sys.fork((child) => child.touch(at, 1, write));
        yield* sys.wait(pid);
      }
    });
    assertEquals(statuses.map((status) => status & 0x7f), [11, 11, 7, 0]);
  });

  Deno.test(`${arch}: what kmem tracepoints tell of objects is what the caches have`, async () => {
    const k = await boot(arch);
    const before = new Map(k.slab.caches().map((cache) => [cache.name, cache.active]));
    const live = new Map<number, number>();
    let pages = k.slab.frames.inUse;
    let wrong = 0;
    attach(
      program({
        a: tracepoint("kmem:kmem_cache_alloc").do((c) => {
          if (live.has(Number(c.args.ptr)) || c.args.bytes_alloc < c.args.bytes_req) wrong++;
          live.set(Number(c.args.ptr), c.args.bytes_alloc);
        }),
        m: tracepoint("kmem:kmalloc").do((c) => {
          if (c.args.bytes_alloc < c.args.bytes_req) wrong++;
          live.set(Number(c.args.ptr), c.args.bytes_alloc);
        }),
        f: tracepoint("kmem:kmem_cache_free").do((c) => void live.delete(Number(c.args.ptr))),
        k: tracepoint("kmem:kfree").do((c) => void live.delete(Number(c.args.ptr))),
        p: tracepoint("kmem:mm_page_alloc").do((c) => void (pages += 2 ** c.args.order)),
        q: tracepoint("kmem:mm_page_free").do((c) => void (pages -= 2 ** c.args.order)),
      }),
      k,
    );
    const workload = builtinWorkload("pipeline:2");
    workload.start(k);
    k.scheduler.run();
    assertEquals(wrong, 0);
    let grown = 0;
    for (const cache of k.slab.caches()) grown += cache.active - (before.get(cache.name) ?? 0);
    // What was there before and went meanwhile is told as freed, too.
    const gone = [...before].reduce(
      (sum, [name, active]) => sum + Math.max(0, active - (k.slab.cache(name)?.active ?? 0)),
      0,
    );
    assert(Math.abs(live.size - grown) <= gone + before.size, `${live.size} told, ${grown} there`);
    assertEquals(pages, k.slab.frames.inUse);
  });

  Deno.test(`${arch}: a program that takes all memory goes to swap, then is killed, and everything comes back`, async () => {
    const k = await boot(arch);
    const victims: number[] = [];
    let chosen = "";
    let swapIns = 0;
    let wakes = 0;
    attach(
      program({
        kill: kprobe.any("oom_kill_process").do((c) => {
          chosen = `${c.comm} ${c.args.oc?.chosen?.comm} ${c.args.oc?.memcg}`;
        }),
        victim: tracepoint("oom:mark_victim").do((c) => void victims.push(c.args.pid)),
        swapped: kprobe.any("swap_readpage").do(() => void swapIns++),
        kswapd: tracepoint("vmscan:mm_vmscan_kswapd_wake").do(() => void wakes++),
      }),
      k,
    );
    const workload = builtinWorkload("hog:memory=8,swap=4");
    workload.start(k);
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(chosen.split(" ").slice(0, 2), ["hog", "hog"]);
    assertEquals(victims.length, 1);
    assert(swapIns > 0, "pages came back from swap");
    assert(wakes > 0, "kswapd ran");
    assertEquals(swapSpace(k)?.used, 0);
    const { managed, free } = zoneOf(k);
    assert(free > managed * 0.9, `${free} of ${managed} pages are free again`);
    assertEquals(k.slab.frames.taken - k.slab.frames.given, k.slab.frames.inUse);
    const log = k.dmesg();
    assertMatch(
      log,
      /hog invoked oom-killer: gfp_mask=0x140dca\(GFP_HIGHUSER_MOVABLE\|__GFP_COMP\|__GFP_ZERO\), order=0, oom_score_adj=0/,
    );
    assertMatch(
      log,
      /Out of memory: Killed process \d+ \(hog\) total-vm:\d+kB, anon-rss:\d+kB, file-rss:\d+kB/,
    );
  });
}
