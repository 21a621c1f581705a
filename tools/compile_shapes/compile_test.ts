import { assertEquals } from "@std/assert";
import { fakeImage } from "../../kernel/calls/fake_kernel.ts";
import { ShapeLibrary } from "../../kernel/shapes/library.ts";
import { compileShapes } from "./compile.ts";
import { encodeShapes } from "./encode.ts";

// Offsets: call n of a function is at 0x10 * (n + 1) and 5 bytes long.
const TEXT = {
  __x64_sys_open: ["getname", "vfs_open"],
  getname: ["jump:alloc"],
  alloc: [],
  vfs_open: ["jump:do_dentry_open"],
  do_dentry_open: ["opaque", "*rax", "unlock", "fput", "unlock"],
  opaque: ["lock"],
  lock: [],
  unlock: [],
  fput: [],
  hook: [],
  task_work_run: ["fput"],
};

const GRAPH = ` 0)     sh-1     |               |  __x64_sys_open() {
 0)     sh-1     |               |    getname() {
 0)     sh-1     |   6.400 us    |      alloc();
 0)     sh-1     |   12.800 us   |    }
 0)     sh-1     |               |    vfs_open() {
 0)     sh-1     |               |      do_dentry_open() {
 0)     sh-1     |   6.400 us    |        lock();
 0)     sh-1     |   6.400 us    |        hook();
 0)     sh-1     |   6.400 us    |        unlock();
 0)     sh-1     |               |        fput() {
 0)     sh-1     |   6.400 us    |          lock();
 0)     sh-1     |   19.200 us   |        }
 0)     sh-1     |   6.400 us    |        unlock();
 0)     sh-1     |   64.000 us   |      }
 0)     sh-1     |   70.400 us   |    }
 0)     sh-1     |   128.000 us  |  }
`;

const ARGS =
  `              sh-2 [000] .....     1.000001: __x64_sys_open: (__x64_sys_open+0x0/0x50) a1=0xffffc90000003f58
              sh-2 [000] .....     1.000002: getname: (getname+0x0/0x50) a1=0xff11000100234b00
              sh-2 [000] .....     1.000003: getname: (__x64_sys_open+0x15/0x50 <- getname) v=0xff11000100234c00
              sh-2 [000] .....     1.000004: vfs_open: (vfs_open+0x0/0x50) a1=0xff11000100234c00 a2=0x7
              sh-2 [000] .....     1.000005: do_dentry_open: (do_dentry_open+0x0/0x50) a1=0xff11000100234c00
              sh-2 [000] .....     1.000006: hook: (hook+0x0/0x50) a1=0xff11000100234c10
              sh-2 [000] .....     1.000007: hook: (do_dentry_open+0x25/0x50 <- hook) v=0x0
              sh-2 [000] .....     1.000008: fput: (fput+0x0/0x50) a1=0xff11000100234c00
              sh-2 [000] .....     1.000009: fput: (do_dentry_open+0x45/0x50 <- fput) v=0x1
              sh-2 [000] .....     1.000010: do_dentry_open: ([unknown/kretprobe'd] <- do_dentry_open) v=0xfffffffffffffffe
              sh-2 [000] .....     1.000011: vfs_open: (__x64_sys_open+0x25/0x50 <- vfs_open) v=0xfffffffffffffffe
              sh-2 [000] .....     1.000012: __x64_sys_open: (do_syscall_64+0x5d/0xb0 <- __x64_sys_open) v=0xfffffffffffffffe
              sh-2 [000] .....     1.000013: task_work_run: (task_work_run+0x0/0x50)
              sh-2 [000] .....     1.000014: fput: (fput+0x0/0x50) a1=0xff11000100234c00
              sh-2 [000] .....     1.000015: fput: (task_work_run+0x15/0x50 <- fput) v=0x1
              sh-2 [000] .....     1.000016: task_work_run: (do_syscall_64+0x6a/0xb0 <- task_work_run)
`;

function compiled(): ShapeLibrary {
  const { forest } = compileShapes(fakeImage(TEXT, "x86_64"), [{ name: "sample", graph: GRAPH, args: ARGS }]);
  return ShapeLibrary.decode(encodeShapes(forest));
}

/** A tree in lines: function, nanoseconds in all, outcome, site. */
function lines(library: ShapeLibrary, id: number, site = -1, indent = ""): string[] {
  const node = library.node(id);
  const way = site < 0 ? undefined : library.site(site);
  const place = way === undefined
    ? ""
    : way.tail
    ? " tail"
    : ` ${way.returns.map((r) => `${r.fn}+${r.offset.toString(16)}`)}`;
  return [
    `${indent}${library.functionName(node.fn)} ${node.weight} ${node.outcome}${place}`,
    ...Array.from(node.children, (child, i) => lines(library, child, node.sites[i], `${indent} `)).flat(),
  ];
}

Deno.test("a recording becomes a tree with times, results and call sites", () => {
  const library = compiled();
  const [root = -1] = library.instances(library.functionId("__x64_sys_open"));
  assertEquals(lines(library, root), [
    "__x64_sys_open 2000 errno",
    " getname 200 pointer __x64_sys_open+15",
    "  alloc 100 unknown tail",
    " vfs_open 1100 errno __x64_sys_open+25",
    "  do_dentry_open 1000 errno tail",
    "   lock 100 unknown opaque+15,do_dentry_open+15",
    "   hook 100 zero do_dentry_open+25",
    "   unlock 100 unknown do_dentry_open+35",
    "   fput 300 positive do_dentry_open+45",
    "    lock 100 unknown",
    "   unlock 100 unknown do_dentry_open+55",
  ]);
  assertEquals(library.node(root).result, { from: "constant", value: -2 });
});

Deno.test("what only the args recording shows is completed by the trees of the other", () => {
  const library = compiled();
  const [work = -1] = library.instances(library.functionId("task_work_run"));
  assertEquals(lines(library, work).slice(1), [" fput 300 positive task_work_run+15", "  lock 100 unknown"]);
});

Deno.test("rules say where arguments come from", () => {
  const library = compiled();
  const rules = (caller: string, callee: string) =>
    library.argumentRules(library.functionId(caller), library.functionId(callee));
  assertEquals(rules("__x64_sys_open", "vfs_open")[0], {
    from: "result",
    fn: library.functionId("getname"),
    plus: 0,
  });
  assertEquals(rules("vfs_open", "do_dentry_open")[0], { from: "argument", index: 0, plus: 0 });
  assertEquals(rules("do_dentry_open", "hook"), []);
});
