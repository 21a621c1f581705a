import { assertEquals, assertThrows } from "@std/assert";
import { InputError } from "./lines.ts";
import { type Input, readBlacklist, readKallsyms, readSyscalls, readTraceable } from "./read_symbols.ts";
import { readText } from "./read_text.ts";
import { readEvents, readTracepoints } from "./read_tracepoints.ts";

function input(text: string): Input {
  return { path: "facts/file", bytes: new TextEncoder().encode(text) };
}

function refused(read: () => unknown, message: string): void {
  assertThrows(read, InputError, message);
}

Deno.test("kallsyms: kernel and module symbols", () => {
  const text =
    "0000000000000000 A fixed_percpu_data\nffffffff81000000 T _text\nffffffffc0336000 t null_exit\t[null_blk]\n";
  assertEquals(readKallsyms(input(text), "x86_64"), [
    { name: "fixed_percpu_data", address: 0, letter: "A" },
    { name: "_text", address: -0x7f00_0000, letter: "T" },
    { name: "null_exit", address: -0x3fcc_a000, letter: "t", module: "null_blk" },
  ]);
});

Deno.test("kallsyms: what is wrong is said with its line", () => {
  refused(
    () => readKallsyms(input("c1000000 T _text\nnonsense\n"), "i386"),
    'Cannot read facts/file, line 2: wanted "ADDRESS LETTER NAME [MODULE]", found "nonsense"',
  );
  refused(
    () => readKallsyms(input("ffffffff81000000 T _text\n"), "i386"),
    "line 1: ffffffff81000000 is no i386 address",
  );
  refused(() => readKallsyms(input(""), "i386"), "Cannot use facts/file: it has no symbols");
  refused(
    () => readKallsyms(input("0000000000000000 T a\n0000000000000000 T b\n"), "x86_64"),
    "read the file as root",
  );
  refused(
    () => readKallsyms({ path: "facts/file", bytes: Uint8Array.of(0xff, 0xfe) }, "x86_64"),
    "it is not text",
  );
});

Deno.test("ftrace's list: modules are cut off", () => {
  assertEquals(readTraceable(input("vfs_open\n__ftrace_invalid_address___33\next4_open [ext4]\n")), [
    "vfs_open",
    "__ftrace_invalid_address___33",
    "ext4_open",
  ]);
  refused(() => readTraceable(input("a b c\n")), "line 1: wanted a function name");
});

Deno.test("blacklist: ranges in their order", () => {
  const text = "0xc1005402-0xc100540e\tb\n0xc1004802-0xc100480e\ta\n";
  assertEquals(readBlacklist(input(text), "i386").map((range) => range.name), ["b", "a"]);
  refused(() => readBlacklist(input("0xc2-0xc1\tx\n"), "i386"), "line 1: the range ends before it starts");
  refused(() => readBlacklist(input("vfs_open\n"), "i386"), 'wanted "0xSTART-0xEND NAME"');
});

Deno.test("system calls: by number, each once", () => {
  assertEquals(readSyscalls(input("1\twrite\n0\tread\n")), [{ nr: 0, name: "read" }, {
    nr: 1,
    name: "write",
  }]);
  refused(() => readSyscalls(input("0\tread\n0\twrite\n")), "line 2: system call 0 is given twice");
  refused(() => readSyscalls(input("read\n")), 'wanted "NUMBER NAME"');
});

Deno.test("text: lengths and call sites", () => {
  const text = "# name\nf\tc1000000\t8\t512\t0:c:__fentry__,5:j:g,6:i:*%eax\n";
  assertEquals(readText(input(text), "i386"), [{
    name: "f",
    address: 0xc1000000,
    size: 8,
    lengths: Uint8Array.of(5, 1, 2),
    calls: [
      { offset: 0, kind: "call", target: "__fentry__" },
      { offset: 5, kind: "jump", target: "g" },
      { offset: 6, kind: "indirect", target: "*%eax" },
    ],
  }]);
  assertEquals(readText(input("f\tffff800008010000\t8\t\t\n"), "arm64")[0]?.lengths.length, 0);
});

Deno.test("text: what does not add up is refused", () => {
  const line = (...columns: string[]) => () => readText(input(`${columns.join("\t")}\n`), "i386");
  refused(
    line("f", "c1000000", "9", "512", ""),
    "line 1: instruction lengths add up to 8, not to the size 9",
  );
  refused(line("f", "c1000000", "8", "5x2", ""), "instruction lengths are hex digits");
  refused(line("f", "c1000000", "8", "512", "9:c:g"), "call site 9:c:g is beyond the function's 8 bytes");
  refused(line("f", "c1000000", "8", "512", "0:q:g"), 'wanted a call site "OFFSET:c|j|i:TARGET"');
  refused(line("f", "zzz", "8"), 'wanted "NAME ADDRESS SIZE LENGTHS CALLS"');
  refused(
    () => readText(input("f\tffff800008010000\t8\t53\t\n"), "arm64"),
    "arm64 instructions have 4 bytes each",
  );
});

const FORMAT = `# ./sched/sched_x/format
name: sched_x
ID: 7
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:char comm[16];\toffset:8;\tsize:16;\tsigned:0;
\tfield:__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:0;
\tfield:const char * filename;\toffset:32;\tsize:8;\tsigned:0;
\tfield:unsigned long args[6];\toffset:40;\tsize:48;\tsigned:0;

print fmt: "%s", REC->comm
`;

Deno.test("tracepoints: fields with type, place and sign, common ones apart", () => {
  const [tracepoint] = readTracepoints(input(FORMAT));
  assertEquals([tracepoint?.subsystem, tracepoint?.name, tracepoint?.id], ["sched", "sched_x", 7]);
  assertEquals(tracepoint?.common.map((f) => f.name), ["common_type"]);
  assertEquals(tracepoint?.fields, [
    { name: "comm", type: "char[16]", offset: 8, size: 16, signed: false },
    { name: "name", type: "__data_loc char[]", offset: 24, size: 4, signed: false },
    { name: "filename", type: "const char *", offset: 32, size: 8, signed: false },
    { name: "args", type: "unsigned long[6]", offset: 40, size: 48, signed: false },
  ]);
  assertEquals(tracepoint?.printFmt, '"%s", REC->comm');
});

Deno.test("tracepoints: what is no format file is refused", () => {
  refused(() => readTracepoints(input("name: x\n")), 'line 1: wanted "# ./SUBSYSTEM/EVENT/format" first');
  refused(
    () => readTracepoints(input("# ./a/b/format\nname: b\n")),
    "line 1: the format of a:b has no ID line",
  );
  refused(
    () => readTracepoints(input("# ./a/b/format\nhello\n")),
    'line 2: no line of a format file: "hello"',
  );
  refused(() => readEvents(input("sched\n")), 'line 1: wanted "SUBSYSTEM:EVENT"');
});
