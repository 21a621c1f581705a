/**
 * What a handler's change of `ip` does: where the CPU goes on once a pre handler has returned nonzero (or a post handler
 * has set `ip`), and what it finds there.
 *
 * @module
 */

import type { Addr, FunctionInfo, SymbolInfo } from "../../image/model.ts";
import type { PtRegs } from "../arch/pt_regs.ts";
import { type Resumption, RETURNS, type Trap } from "../arch/resumption.ts";
import { isReturnThunk } from "../memory/text_bytes.ts";
import { PAGE_SIZE } from "../memory/page.ts";
import type { ProbeHost } from "./host.ts";
import type { Kprobe } from "./kprobe.ts";
import { afterFtraceSite, describe, functionAt, type Place, symbolKey } from "./place.ts";

/** Symbols of x86 and arm64 at which nothing but a return stands. */
const RETURN_SYMBOLS = new Set(["just_return_func", "ftrace_stub", "__x86_return_thunk"]);
/** 64-bit addresses whose upper half is not within plus or minus this have bits that no page table translates. */
const CANONICAL = { x86_64: 0x8000, arm64: 0x10000, i386: Infinity } as const;

/** What is known of a hit that was diverted. */
export interface Diverted {
  readonly place: Place;
  /** Reached through ftrace's call, which gives back every register but the stack pointer. */
  readonly onFtrace: boolean;
  /** `ip` as the handler found it. */
  readonly found: Addr;
}

/** Where execution goes on after `p` diverted it, by the registers as they are now. */
export function resumption(host: ProbeHost, hit: Diverted, p: Kprobe, regs: PtRegs): Resumption {
  return new Landing(host, hit, p, regs).find();
}

/** The place at which the CPU goes on, for one hit. */
class Landing {
  readonly #host: ProbeHost;
  readonly #hit: Diverted;
  readonly #p: Kprobe;
  readonly #regs: PtRegs;
  readonly #ip: Addr;
  /** Past the function's first instructions: where its frame and its registers stand is the compiler's secret. */
  readonly #inside: boolean;

  constructor(host: ProbeHost, hit: Diverted, p: Kprobe, regs: PtRegs) {
    this.#host = host;
    this.#hit = hit;
    this.#p = p;
    this.#regs = regs;
    this.#ip = regs.ip;
    const { offset, symbol } = hit.place;
    this.#inside = offset !== 0 && offset !== afterFtraceSite(host, symbol);
  }

  find(): Resumption {
    const { resumption, returnAddress, ip } = this.#peek();
    if (resumption === RETURNS && ip === returnAddress) return this.#returns("its caller");
    if (this.#lost()) return this.#nonCanonical();
    if (this.#host.arch.instructionAlign > 1 && ip % this.#host.arch.instructionAlign !== 0) {
      return this.#fault({ kind: "alignment" }, "that is no multiple of 4, as addresses of instructions are");
    }
    if (!this.#inside && ip === returnAddress) return this.#toCaller();
    if (!this.#inside && this.#isText(ip) && this.#popped(ip)) {
      if (!this.#hit.onFtrace) return RETURNS;
      return this.#offStack("the way out of ftrace does not set the stack pointer");
    }
    return this.#isText(ip) ? this.#text(ip) : this.#notText(ip);
  }

  #peek(): { resumption: Resumption | null; returnAddress: Addr; ip: Addr } {
    const regs = this.#regs;
    // The stack pointer may be anything now.
    const linked = regs.linkIndex >= 0;
    const readable = linked || regs.deferred || this.#host.memory.readable(regs.sp, regs.model.wordSize);
    return {
      resumption: regs.resumption,
      ip: this.#ip,
      returnAddress: readable ? regs.returnAddress : NaN,
    };
  }

  /** A return instruction, with the stack as it is at the function's entry. */
  #returns(where?: string): Resumption {
    if (!this.#inside) return RETURNS;
    const why =
      "that leaves a function from its middle; what it has on the stack there is not modeled: skip it at its entry";
    return { kind: "faults", fault: { trap: { kind: "unmodeled" }, reason: this.#sentence(why, where) } };
  }

  /** `ip` is the address that the call returns to. */
  #toCaller(): Resumption {
    if (this.#regs.linkIndex >= 0) return RETURNS;
    return this.#offStack("the return address is still on the stack");
  }

  #offStack(why: string): Resumption {
    return this.#fault(
      { kind: "protection" },
      `that is its caller, but ${why}, so the caller's own return goes astray; ` +
        "regs.overrideReturn(value) returns as the kernel's own override does",
    );
  }

  /** Whether a handler took the return address off the stack, as a return does. */
  #popped(ip: Addr): boolean {
    const { memory } = this.#host;
    const regs = this.#regs;
    if (regs.linkIndex >= 0) return false;
    const slot = regs.sp - regs.model.wordSize;
    return memory.readable(slot, regs.model.wordSize) && memory.readPointer(slot) === ip;
  }

  #lost(): boolean {
    const { halves, ipIndex, model } = this.#regs;
    const limit = CANONICAL[model.arch];
    const high = model.wordSize === 4 ? 0 : halves[ipIndex + 1] as number;
    return high < -limit || high >= limit;
  }

  #nonCanonical(): Resumption {
    const x86 = this.#host.arch.arch === "x86_64";
    const trap: Trap = x86 ? { kind: "protection" } : { kind: "page", address: this.#ip, cause: "absent" };
    return this.#fault(trap, "no address looks like that");
  }

  #isText(ip: Addr): boolean {
    const { memory, modules, image } = this.#host;
    if (modules.textAt(ip) !== undefined) return true;
    return memory.regionAt(ip)?.mapped === "text" && ip < (image.symbol("_etext")?.address ?? Infinity);
  }

  #text(ip: Addr): Resumption {
    const found = this.#host.image.symbolAt(ip);
    if (found === undefined) return this.#padding();
    const { symbol, offset } = found;
    if (symbol.address === this.#hit.place.symbol.address) return this.#ownText(offset);
    if (RETURN_SYMBOLS.has(symbol.name) && offset === 0) return this.#returns();
    const info = functionAt(this.#host, { address: ip, symbol, offset });
    if (offset === 0) return this.#enters(symbol);
    if (info !== undefined && offset >= info.size) return this.#padding();
    if (info !== undefined && !this.#startsInstruction(info, offset)) {
      return this.#inInstruction(info, offset);
    }
    if (info !== undefined && this.#isReturn(info, offset)) return this.#returns();
    return this.#fault(
      { kind: "unmodeled" },
      "that is in the middle of another function: the model runs functions from their first instruction",
    );
  }

  /** Somewhere in the function that was hit. */
  #ownText(offset: number): Resumption {
    const { place, found } = this.#hit;
    const info = functionAt(this.#host, place);
    if (info !== undefined) {
      if (offset >= info.size) return this.#padding();
      if (!this.#startsInstruction(info, offset)) return this.#inInstruction(info, offset);
      if (this.#isReturn(info, offset)) return this.#returns();
    } else if (this.#host.arch.instructionAlign === 1 && offset !== place.offset && offset !== 0) {
      if (this.#ip === found) return this.#inInstruction();
      const { name } = place.symbol;
      return this.#fault({ kind: "unmodeled" }, `where instructions of ${name} begin is not known`);
    }
    if (this.#inside && offset < place.offset) {
      return this.#fault(
        { kind: "unmodeled" },
        "that is before the probe: the model does not run a function's code a second time",
      );
    }
    return { kind: "continues", offset };
  }

  #startsInstruction(info: FunctionInfo, offset: number): boolean {
    return this.#host.arch.instructionAlign > 1 || info.boundaries().includes(offset);
  }

  #isReturn(info: FunctionInfo, offset: number): boolean {
    return info.callSites().some((one) => one.offset === offset && isReturnThunk(this.#host.arch, one));
  }

  #inInstruction(info?: FunctionInfo, offset = 0): Resumption {
    const fills = info?.callSites().some((one) =>
      one.offset < offset && offset < one.returnOffset && isReturnThunk(this.#host.arch, one)
    );
    if (fills === true) {
      return this.#fault({ kind: "breakpoint" }, "that is a breakpoint that fills up a return");
    }
    const why = this.#ip === this.#hit.found
      ? "that is where the breakpoint left it, in the middle of the probed instruction; return 0 to run that"
      : "that is in the middle of an instruction";
    return this.#fault({ kind: "opcode" }, why);
  }

  #padding(): Resumption {
    if (this.#host.arch.instructionAlign === 1) {
      return this.#fault({ kind: "breakpoint" }, "that is between two functions");
    }
    return this.#fault(
      { kind: "unmodeled" },
      "that is between two functions: the model runs functions from their first instruction",
    );
  }

  /** Another function's first instruction. */
  #enters(symbol: SymbolInfo): Resumption {
    const name = symbolKey(symbol);
    const known = this.#host.calls.functionByName(name);
    if (known === undefined || known.address !== symbol.address) {
      return this.#fault({ kind: "unmodeled" }, `nothing is known of what ${symbol.name} does`);
    }
    if (this.#inside) {
      return this.#fault(
        { kind: "unmodeled" },
        "that function would run on a stack and return to an address that are not modeled: divert calls at their entry",
      );
    }
    return { kind: "enters", name, reason: this.#sentence(`which ran in its place`) };
  }

  #notText(ip: Addr): Resumption {
    const { memory } = this.#host;
    const trap = (cause: "absent" | "data" | "user"): Trap => ({ kind: "page", address: ip, cause });
    if (memory.isUser(ip)) {
      if (ip >= PAGE_SIZE && memory.readable(ip, 1)) {
        return this.#fault(trap("user"), "that is a program's memory, which the kernel does not execute");
      }
      return this.#fault(trap("absent"), "nothing is mapped there");
    }
    const mapped = memory.regionAt(ip)?.mapped;
    if (mapped === "all" || mapped !== undefined && memory.readable(ip, 1)) {
      return this.#fault(trap("data"), "that is data, which is not executed");
    }
    return this.#fault(trap("absent"), "nothing is mapped there");
  }

  #fault(trap: Trap, why: string): Resumption {
    return { kind: "faults", fault: { trap, reason: this.#sentence(why) } };
  }

  #sentence(why: string, where = this.#destination()): string {
    const kind = this.#p.kretprobe === null ? "kprobe" : "kretprobe";
    return `A handler of ${kind} "${this.#p.label}" made ${
      describe(this.#hit.place)
    } go on at ${where}: ${why}`;
  }

  #destination(): string {
    const { arch, image } = this.#host;
    const exact = BigInt.asUintN(arch.wordSize * 8, this.#regs.getBig(arch.ipRegister)).toString(16);
    const at = this.#isText(this.#ip) && !this.#lost() ? image.symbolAt(this.#ip) : undefined;
    return at === undefined
      ? `0x${exact}`
      : describe({ address: this.#ip, symbol: at.symbol, offset: at.offset });
  }
}

/** A probe that is hit again and again, without anything in between. */
export function lockup(place: Place): Resumption {
  return {
    kind: "faults",
    fault: {
      trap: { kind: "lockup" },
      reason: `Handlers of the probe at ${
        describe(place)
      } left ip on it each time: return 0 once, or set ip to another instruction`,
    },
  };
}
