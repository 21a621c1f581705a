import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Arch } from "../../image/model.ts";
import { kernelArgument, kernelStackNth, ptRegsParm, ptRegsParmSyscall, ptRegsRet } from "./accessors.ts";
import { argumentLayout, fillEntry, fillReturn, PtRegs, stackAfterReturn, type StackMemory } from "./mod.ts";
import { archModel, prototypeLayout, registerNames, registerOf } from "./mod.ts";
import { fullImage } from "../../image/load.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const STACK = { x86_64: -0x36ffffff8000, arm64: -0x7fffefff8000, i386: 0xc2341000 } as const;

/** Bytes of a stack, nothing else. */
class Stack implements StackMemory {
  readonly #view = new DataView(new ArrayBuffer(4096));
  readonly #base: number;
  readonly #word: number;

  constructor(arch: Arch) {
    this.#base = STACK[arch] - 2048;
    this.#word = archModel(arch).wordSize;
  }

  readWord(address: number): number {
    return Number(this.readBig(address, this.#word, true));
  }

  readBig(address: number, size: number, signed: boolean): bigint {
    const at = address - this.#base;
    const raw = size === 8 ? this.#view.getBigInt64(at, true) : BigInt(this.#view.getInt32(at, true));
    return signed ? raw : BigInt.asUintN(size * 8, raw);
  }

  writeWord(address: number, value: number): void {
    this.writeBig(address, this.#word, BigInt(value));
  }

  writeBig(address: number, size: number, value: bigint): void {
    if (size === 8) this.#view.setBigInt64(address - this.#base, BigInt.asIntN(64, value), true);
    else this.#view.setInt32(address - this.#base, Number(BigInt.asIntN(32, value)), true);
  }
}

function registersOf(arch: Arch): { regs: PtRegs; stack: Stack } {
  const stack = new Stack(arch);
  return { regs: new PtRegs(archModel(arch), stack), stack };
}

const argument = fc.constantFrom(1, 2, 4, 8).chain((width) =>
  fc.record({
    width: fc.constant(width),
    value: width === 8
      ? fc.maxSafeInteger()
      : fc.integer({ min: -(2 ** (width * 8 - 1)), max: 2 ** (width * 8 - 1) - 1 }),
  })
);

Deno.test("any mix of argument widths and counts reads back what was passed, on every architecture", () => {
  for (const arch of ARCHES) {
    fc.assert(fc.property(fc.array(argument, { maxLength: 12 }), fc.boolean(), (args, onStack) => {
      const { regs, stack } = registersOf(arch);
      const layout = argumentLayout(archModel(arch), args.map((a) => a.width), { onStack });
      fillEntry(regs, stack, STACK[arch], 1234, args.map((a) => a.value), args.length, layout);
      assertEquals(args.map((_, i) => regs.param(i)), args.map((a) => a.value + 0));
      assertEquals(args.map((_, i) => regs.paramBig(i)), args.map((a) => BigInt(a.value)));
      assertEquals([regs.sp, regs.returnAddress], [STACK[arch], 1234]);
    }));
  }
});

Deno.test("no two arguments share a word, and words follow the order of arguments", () => {
  for (const arch of ARCHES) {
    fc.assert(fc.property(fc.array(fc.constantFrom(1, 2, 4, 8, 16), { maxLength: 12 }), (widths) => {
      const layout = argumentLayout(archModel(arch), widths);
      const used = widths.flatMap((_, i) =>
        Array.from({ length: layout.words[i] ?? 0 }, (_, w) => (layout.first[i] ?? 0) + w)
      );
      assertEquals(new Set(used).size, used.length);
      // x86_64 alone lets a later argument take a register that an earlier, wider one could not use.
      if (arch !== "x86_64") assertEquals([...used].sort((a, b) => a - b), used);
    }));
  }
});

Deno.test("i386 puts 64-bit arguments where GCC does", () => {
  const model = archModel("i386");
  const words = (widths: number[], onStack = false) => [...argumentLayout(model, widths, { onStack }).first];
  // As recorded: vfs_fallocate(file, mode, offset, len) leaves cx unused; generic_file_llseek_size takes dx:cx.
  assertEquals(words([4, 4, 8, 8]), [0, 1, 3, 5]);
  assertEquals(words([4, 8, 4, 8, 8]), [0, 1, 3, 4, 6]);
  assertEquals(words([4, 4, 8, 4]), [0, 1, 3, 5]);
  assertEquals(words([4, 4, 4, 4]), [0, 1, 2, 3]);
  assertEquals(words([4, 4], true), [3, 4]);
});

Deno.test("prototypes of real functions are laid out as recorded", async () => {
  const image = await fullImage("i386");
  const first = (name: string, arch: Arch = "i386", from = image) => {
    const prototype = from.prototype(name);
    if (prototype === undefined) throw new Error(`no prototype of ${name}`);
    return [...prototypeLayout(archModel(arch), from, prototype).first];
  };
  assertEquals(first("vfs_fallocate"), [0, 1, 3, 5]);
  assertEquals(first("generic_file_llseek_size"), [0, 1, 3, 4, 6]);
  assertEquals(first("vfs_truncate"), [0, 1]);
  assertEquals(first("_printk"), [3]);
  const arm64 = await fullImage("arm64");
  // sockptr_t, a structure of two words: x3 and x4.
  assertEquals(first("do_tcp_setsockopt", "arm64", arm64), [0, 1, 2, 3, 5]);
});

Deno.test("128-bit arguments take register pairs", () => {
  assertEquals([...argumentLayout(archModel("arm64"), [8, 16, 8]).first], [0, 2, 4]);
  assertEquals([...argumentLayout(archModel("x86_64"), [8, 8, 8, 8, 8, 16, 8]).first], [0, 1, 2, 3, 4, 6, 5]);
});

Deno.test("arguments are in the registers that the convention names", () => {
  const expected = {
    x86_64: ["di", "si", "dx", "cx", "r8", "r9"],
    arm64: ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"],
    i386: ["ax", "dx", "cx"],
  } as const;
  for (const arch of ARCHES) {
    const { regs, stack } = registersOf(arch);
    fillEntry(regs, stack, STACK[arch], 99, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19], 10);
    assertEquals(expected[arch].map((name) => regs.get(name)), expected[arch].map((_, i) => 10 + i));
    const inRegisters = expected[arch].length;
    const first = STACK[arch] + (arch === "arm64" ? 0 : arch === "x86_64" ? 8 : 4);
    assertEquals(stack.readWord(first), 10 + inRegisters);
    assertEquals(regs.arg(9), 19);
  }
});

Deno.test("regs_get_kernel_argument reads stack words on x86, and 0 past x7 on arm64", () => {
  for (const arch of ARCHES) {
    const { regs, stack } = registersOf(arch);
    fillEntry(regs, stack, STACK[arch], 99, [10, 11, 12, 13, 14, 15, 16, 17, 18], 9);
    assertEquals(kernelArgument(regs, 2), 12);
    assertEquals(kernelArgument(regs, 8), arch === "arm64" ? 0 : 18);
  }
  const { regs } = registersOf("x86_64");
  regs.sp = STACK.x86_64;
  assertEquals(kernelStackNth(regs, 16384 / 8), 0);
});

Deno.test("PT_REGS accessors have their documented limits and quirks", () => {
  const { regs, stack } = registersOf("x86_64");
  fillEntry(regs, stack, STACK.x86_64, 99, [1, 2, 3, 4, 5], 5);
  assertEquals([1, 2, 3, 4, 5].map((n) => ptRegsParm(regs, n)), [1, 2, 3, 4, 5]);
  assertThrows(
    () => ptRegsParm(regs, 6),
    RangeError,
    "Cannot read PT_REGS_PARM6: x86_64 has parameters 1 to 5",
  );
  assertEquals(ptRegsRet(regs), STACK.x86_64);
  regs.set("r10", 77);
  assertEquals(ptRegsParmSyscall(regs, 4), 77);
  const arm = registersOf("arm64");
  fillEntry(arm.regs, arm.stack, STACK.arm64, 99, [1], 1);
  assertEquals(ptRegsRet(arm.regs), 99);
  arm.regs.set("orig_x0", 5);
  assertEquals(ptRegsParmSyscall(arm.regs, 1), 5);
});

Deno.test("pt_regs has the real offsets and sizes", () => {
  const sample = {
    x86_64: { r15: 0, di: 112, ss: 160 },
    arm64: { x8: 64, lr: 240, pstate: 264 },
    i386: { bx: 0, orig_ax: 44, ss: 64 },
  } as const;
  for (const arch of ARCHES) {
    for (const [name, offset] of Object.entries(sample[arch])) {
      assertEquals(registerOf(archModel(arch), name)?.offset, offset);
    }
  }
  assertEquals(ARCHES.map((a) => archModel(a).regsSize), [168, 336, 68]);
  assertEquals(registerNames(archModel("arm64")).includes("orig_x0"), false);
  assertEquals(registerNames(archModel("arm64")).at(-1), "lr");
});

Deno.test("registers hold exact words; numbers that would be rounded are refused by name", () => {
  const { regs } = registersOf("x86_64");
  regs.set("bx", 0x123456789abcdef0n);
  assertEquals(regs.getBig("bx"), 0x123456789abcdef0n);
  assertThrows(() => regs.get("bx"), RangeError, 'use regs.getBig("bx")');
  regs.set("bx", -1n);
  assertEquals(regs.get("bx"), -1);
  assertThrows(
    () => regs.get("x0"),
    RangeError,
    'Cannot read register "x0": x86_64 has no such register; it has r15',
  );
});

Deno.test("unknown arguments and results read 0 and are reported by parameter", () => {
  const seen: [string, number][] = [];
  const { regs, stack } = registersOf("i386");
  regs.onUnknown = (name, argument) => seen.push([name, argument]);
  regs.functionName = "vfs_fallocate";
  const layout = argumentLayout(archModel("i386"), [4, 4, 8, 8]);
  fillEntry(regs, stack, STACK.i386, 9, [1, 2, NaN, 4], 4, layout);
  assertEquals([regs.param(0), regs.param(2), regs.param(3)], [1, 0, 4]);
  assertEquals(seen, [["vfs_fallocate", 2], ["vfs_fallocate", 2]]);
  fillReturn(regs, stackAfterReturn(regs, STACK.i386), NaN);
  assertEquals([regs.returnValue, seen.at(-1), regs.sp], [0, ["vfs_fallocate", -1], STACK.i386 + 4]);
  regs.set("ax", 5);
  assertEquals(regs.returnValue, 5);
});

Deno.test("results use the high register only where they are wide", () => {
  const { regs } = registersOf("i386");
  fillReturn(regs, STACK.i386, -5, true);
  assertEquals([regs.returnValue, regs.get("dx"), regs.returnBig(true)], [-5, -1, -5n]);
  fillReturn(regs, STACK.i386, -5);
  assertEquals(regs.get("dx"), 0);
});

Deno.test("names that every object has are no registers", () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    for (const name of ["constructor", "toString", "__proto__"]) {
      assertEquals(registerOf(archModel(arch), name), undefined);
    }
  }
});
