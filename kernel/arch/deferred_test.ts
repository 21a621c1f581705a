import { assertEquals } from "@std/assert";
import { fillEntry, fillReturn } from "./fill.ts";
import { archModel } from "./mod.ts";
import { PtRegs, type RegsSource, type StackMemory } from "./pt_regs.ts";
import { RETURNS } from "./resumption.ts";

const NO_MEMORY: StackMemory = {
  readWord: () => 0,
  readBig: () => 0n,
  writeWord: () => {},
  writeBig: () => {},
};

/** A source that counts how often it is asked. */
class Source implements RegsSource {
  asked = 0;
  returnAddress = -0x2000;

  fill(regs: PtRegs): void {
    this.asked++;
    fillEntry(regs, NO_MEMORY, -0x1000, this.returnAddress, [7, NaN], 2);
  }

  stackPointer(): number {
    return -0x1000;
  }

  returnTo(): number {
    return this.returnAddress;
  }

  returnElsewhere(address: number): void {
    this.returnAddress = address;
  }
}

for (const arch of ["x86_64", "arm64", "i386"] as const) {
  Deno.test(`deferred registers are filled when one is looked at, once: ${arch}`, () => {
    const regs = new PtRegs(archModel(arch), NO_MEMORY);
    const source = new Source();
    regs.defer(source);
    regs.setIp(0x1234, 0);
    assertEquals([regs.ip, source.asked], [0x1234, 0]);
    const unknown: number[] = [];
    regs.onUnknown = (_name, argument) => unknown.push(argument);
    assertEquals([regs.arg(0), regs.arg(1), source.asked], [7, 0, 1]);
    assertEquals([regs.ip, unknown], [0x1234, [1]]);
  });

  Deno.test(`what a handler sets in deferred registers stays: ${arch}`, () => {
    const regs = new PtRegs(archModel(arch), NO_MEMORY);
    const source = new Source();
    regs.defer(source);
    regs.resumption = RETURNS;
    regs.set(archModel(arch).argumentRegisters[0] ?? "", 9);
    regs.ip = 0x4321;
    assertEquals([regs.arg(0), regs.resumption, regs.ip, source.asked], [9, RETURNS, 0x4321, 1]);
    const copy = regs.snapshot();
    regs.defer(source);
    assertEquals([copy.arg(0), regs.snapshot().arg(0), source.asked], [9, 7, 2]);
    regs.defer(source);
    fillReturn(regs, -0x1000, 5);
    assertEquals([regs.returnValue, source.asked], [5, 2]);
  });
}
