/**
 * Definitions as a real kernel took or refused them (recorded on x86_64): errno, message, column of the caret.
 */
import { assertEquals } from "@std/assert";
import { coreImage } from "../../../image/mod.ts";
import type { Arch } from "../../../image/model.ts";
import { Kernel } from "../../kernel.ts";
import { ShapeLibrary } from "../../shapes/library.ts";

const T = "/sys/kernel/tracing/";

/** `ERRNO message`, then `column command` lines; `-` where the kernel logs nothing. */
const REFUSED = String.raw`
ENOENT Invalid probed address or symbol
  4 p:t nosuch_function
  4 r:t nosuch_function
  4 p:t nosuch_function+4
  4 p:t vfs_read+0x10000000
  6 r:t10 nosuch_function%return
  4 p:t vfs_read a=@nosuchsym
  4 p:t vfs_read a=@nosuchsym:u64
EILSEQ Probe point is not an instruction boundary
  4 p:t vfs_read+1
  4 p:t vfs_read+2
  4 p:t vfs_read+3
  4 p:t vfs_read+4
  4 p:t vfs_read+8
EINVAL Failed to register probe event
  4 p:t vfs_read+100000
  4 p:t 0
EINVAL Invalid probed address or symbol
  4 p:t vfs_read+-1
  4 p:t vfs_read-1
  4 p:t vfs_read+abc
  4 p:t vfs_read+
EINVAL Invalid fetch argument
  13 p:t vfs_read extra
  21 p vfs_read maxactive=3
  5 p :t vfs_read
  18 p:t vfs_read a=+0()
  15 p:t vfs_read a=123
EINVAL Retprobe address must be an function entry
  4 r:t vfs_read+4
  5 p:t6 vfs_read+4%return
  7 r16:t9 vfs_read+4
EINVAL Invalid probed address suffix
  13 p:t5 vfs_read%bogus
EINVAL $retval is not available on probe
  14 p:t7 vfs_read $retval
EINVAL Invalid $-variable specified
  14 r:t8 vfs_read $arg1
  15 p:t vfs_read a=$argx
  15 p:t vfs_read a=$arg
  15 p:t vfs_read a=$nosuch
  15 p:t vfs_read a=$
  15 p:t vfs_read a=$stackx
EINVAL Maxactive is not for kprobe
  1 p1:t vfs_read
  1 p16:t vfs_read
  1 p0:t vfs_read
EINVAL Invalid maxactive number
  1 r0:t vfs_read
  1 r99999999999999999999:t10 vfs_read
EINVAL Maxactive is too big
  1 r4097:t5 vfs_read
  1 r99999:t6 vfs_read
EINVAL Event name is not specified
  2 p: vfs_read
EINVAL Group name is not specified
  2 p:/ vfs_read
  2 p:/e vfs_read
EINVAL Event name must follow the same rules as C identifiers
  2 p:1abc vfs_read
  2 p:a-b vfs_read
  2 p:a+b vfs_read
  4 p:g/h/a vfs_read
EINVAL Group name must follow the same rules as C identifiers
  2 p:1g/a vfs_read
EEXIST Given group/event name is already used by another event
  0 p:sched/sched_switch vfs_read
EINVAL Event name is too long
  2 p:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn vfs_read
  2 p:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn vfs_read
EINVAL Group name is too long
  2 p:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn/e vfs_read
EINVAL
  - p
  - r
  - x:t vfs_read
  - P:t vfs_read
  - pvfs_read
  - vfs_read
  - p:t vfs_read a=$comm:u64
  - p:t vfs_read a=$comm:ustring
EINVAL Invalid register name
  15 p:t vfs_read a=%nosuch
  15 p:t vfs_read a=%
EINVAL Unknown type is specified
  19 p:t vfs_read a=%di:nosuchtype
  19 p:t vfs_read a=%di:
  19 p:t vfs_read a=%di:u7
  25 p:t vfs_read a=+0($arg1):u32]
  19 p:t vfs_read a=%di:b3
EINVAL String accepts only memory argument
  19 p:t vfs_read a=%di:string
  19 p:t vfs_read a=%di:ustring
  19 p:t vfs_read a=%di:u8[4]
  22 p:t vfs_read a=$stack:string
EINVAL Invalid array size
  22 p:t vfs_read a=%di:u8[0]
  28 p:t vfs_read a=+0($arg1):u8[0]
  28 p:t vfs_read a=+0($arg1):u8[x]
  28 p:t vfs_read a=+0($arg1):u8[-1]
EINVAL Array number is too big
  28 p:t vfs_read a=+0($arg1):u8[65]
  32 p:t vfs_read a=+0($arg1):string[65]
EINVAL Array is not closed
  28 p:t vfs_read a=+0($arg1):u8[
EINVAL Invalid bitfield
  19 p:t vfs_read a=%di:b3@62/64
  19 p:t vfs_read a=%di:b0@0/8
  19 p:t vfs_read a=%di:b3@6/8
EINVAL Invalid argument number
  15 p:t vfs_read a=$arg0
EINVAL Invalid stack number
  15 p:t vfs_read a=$stack4096
  15 p:t vfs_read a=$stack99999
EINVAL File offset is not available with kprobe
  15 p:t vfs_read a=@+4
EINVAL Dereference brace is not closed
  23 p:t vfs_read a=+0($arg1
EINVAL Dereference needs a brace
  15 p:t vfs_read a=+0
EINVAL Invalid dereference offset
  15 p:t vfs_read a=+x($arg1)
EINVAL $comm can not be dereferenced
  18 p:t vfs_read a=+0($comm)
EINVAL Invalid immediate value
  16 p:t vfs_read a=\
  16 p:t vfs_read a=\xyz
EINVAL String is not closed with '"'
  20 p:t vfs_read a=\"abc
EINVAL No argument expression
  15 p:t vfs_read a=
EINVAL Argument name is not specified
  13 p:t vfs_read =$arg1
EINVAL Argument name must follow the same rules as C identifiers
  13 p:t vfs_read 1a=$arg1
  13 p:t vfs_read a-b=$arg1
EINVAL This argument name is already used
  21 p:t vfs_read a=$arg1 a=$arg2
  13 p:t vfs_read common_pid=$arg1
  13 p:t vfs_read __probe_ip=$arg1
  13 p:t vfs_read __probe_func=$arg1
  13 r:t vfs_read __probe_func=$retval
  13 p:t vfs_read common_type=$arg1
EINVAL Argument name is too long
  13 p:t vfs_read aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=$arg1
EINVAL Argument expression is too long
  16 p:t3 vfs_read a=+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0(+0($arg1)))))))))))))))))
EINVAL Failed to register probe event
  4 p:t vfs_read a=@jiffies+z
`;

const ACCEPTED = String.raw`
p:t vfs_read+5
r:t vfs_read+0
p:t4 vfs_read%return $retval
r:t9 vfs_read a=%di
r1:t vfs_read
r4095:t3 vfs_read
r4096:t4 vfs_read
r0x10:t7 vfs_read
r010:t8 vfs_read
r16 vfs_write
p:g/ vfs_read
p:a.b vfs_read
p:a_b vfs_read
p:g-h/a vfs_read
p:sched/mine vfs_read
p:syscalls/mine vfs_read
p:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn vfs_read
p:nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn/e vfs_read
pp:t vfs_read

   
# only a comment
  p:t3   vfs_read    a=$arg1   
p:t2 vfs_write
p:t vfs_read a=$arg6
p:t vfs_read b=$arg7
p:t vfs_read c=$arg8
p:t vfs_read c=$arg9
p:t vfs_read a=@0x123
p:t vfs_read a=+u0($arg1):u64
p:t1 vfs_read a=-8($arg1)
p:t vfs_read a=\-5
p:t vfs_read aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=$arg1
p:t vfs_read aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=$arg1
p:t vfs_read $comm:string $comm
p:aa vfs_read
`;

async function kernel(arch: Arch = "x86_64"): Promise<Kernel> {
  return new Kernel(await coreImage(arch), ShapeLibrary.empty());
}

function text(k: Kernel, file: string): string {
  const result = k.tracefs.read(T + file);
  if (!result.ok) throw new Error(`${file}: ${result.message}`);
  return result.value;
}

/** errno, message and column of one write; errno null where it was taken. */
function define(k: Kernel, command: string): readonly [string | null, string | null, number | null] {
  k.tracefs.write(`${T}error_log`, "");
  const result = k.tracefs.write(`${T}kprobe_events`, `${command}\n`, { append: true });
  if (result.ok) return [null, null, null];
  const [head = "", , caret = ""] = text(k, "error_log").split("\n");
  if (head === "") return [result.name, null, null];
  return [result.name, head.replace(/^\[.*?\] trace_kprobe: error: /, ""), caret.length - 1 - 11];
}

Deno.test("what is no definition is refused with the recorded errno, message and caret", async () => {
  const k = await kernel();
  let heading: readonly [string, string | null] = ["", null];
  for (const line of REFUSED.trim().split("\n")) {
    if (!line.startsWith("  ")) {
      const space = line.indexOf(" ");
      heading = space < 0 ? [line, null] : [line.slice(0, space), line.slice(space + 1)];
      continue;
    }
    const [, column = "", command = ""] = /^ {2}(\S+) (.*)$/.exec(line) ?? [];
    assertEquals(
      define(k, command),
      [...heading, column === "-" ? null : Number(column)],
      command,
    );
    assertEquals(text(k, "kprobe_events"), "", command);
    assertEquals(k.kprobes.list(), [], command);
  }
});

Deno.test("what is a definition is taken, listed, and can be deleted", async () => {
  const k = await kernel();
  for (const command of ACCEPTED.trim().split("\n")) {
    assertEquals(define(k, command), [null, null, null], command);
    const listed = text(k, "kprobe_events");
    k.tracefs.write(`${T}kprobe_events`, "");
    // What is listed defines the same again.
    if (listed !== "") {
      assertEquals(define(k, listed.trim()), [null, null, null], listed);
      assertEquals(text(k, "kprobe_events"), listed);
    }
    k.tracefs.write(`${T}kprobe_events`, "");
    assertEquals([text(k, "kprobe_events"), k.kprobes.list()], ["", []], command);
  }
});

Deno.test("i386's older kernel misspells a word, and has words of 32 bits", async () => {
  const k = await kernel("i386");
  assertEquals(define(k, "p:t vfs_read a=$nosuch"), ["EINVAL", "Invalid $-valiable specified", 15]);
  assertEquals(define(k, "p:t vfs_read a=%di"), [null, null, null]);
  assertEquals(
    text(k, "events/kprobes/t/format").includes("field:u32 a;\toffset:12;\tsize:4;\tsigned:0;"),
    true,
  );
  assertEquals(define(k, "p:u 0xffffffffffffffff")[0], "ENOENT");
});

Deno.test("arm64 has its own registers", async () => {
  const k = await kernel("arm64");
  assertEquals(define(k, "p:t vfs_read a=%x0 b=%lr c=%sp"), [null, null, null]);
  assertEquals(define(k, "p:u vfs_read a=%di"), ["EINVAL", "Invalid register name", 15]);
});
