import { assertEquals, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { InputError } from "./lines.ts";
import { recordedFunctions } from "./recordings.ts";

const GRAPH = `# tracer: function_graph
 0)    cat-115     |               |  __x64_sys_dup2() {
 0)    cat-115     |   1.012 us    |      _raw_spin_lock();
 0)   calls-131    |               |          ext4_create [ext4]() {
 0)   2.143 us    |  } /* ksys_dup3 */
`;
const STACK = ` => do_sys_openat2
 => entry_SYSCALL_64_after_hwframe
        getname_flags.part.0+0x1/64
$ cat /tmp/f1 (not a call)
`;

Deno.test("call trees and stacks name functions, plain or gzip", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${dir}/a.graph.gz`, gzipSync(GRAPH));
    await Deno.writeTextFile(`${dir}/b.txt`, STACK);
    await Deno.writeTextFile(`${dir}/c.strace`, "openat(AT_FDCWD) = 3\n");
    assertEquals(recordedFunctions([dir]), [
      "__x64_sys_dup2",
      "_raw_spin_lock",
      "do_sys_openat2",
      "entry_SYSCALL_64_after_hwframe",
      "ext4_create",
      "getname_flags.part.0",
    ]);
    assertEquals(recordedFunctions([]), []);
    await Deno.mkdir(`${dir}/empty`);
    assertThrows(() => recordedFunctions([`${dir}/empty`]), InputError, "it has no *.graph or *.txt file");
    assertThrows(() => recordedFunctions([`${dir}/none`]), InputError, "it is no folder that can be read");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
