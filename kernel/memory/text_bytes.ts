/**
 * Machine code from what is known of it: instruction boundaries and calls. Direct calls and jumps get their real
 * encoding; what an instruction does otherwise is not known, so canonical NOPs of its length stand for it.
 *
 * @module
 */

import type { Addr, CallSite, FunctionInfo } from "../../image/model.ts";
import { isStaticCall } from "../../image/unprobeable.ts";
import type { ArchModel } from "../arch/model.ts";

/** Bytes of a call or jump on x86 that tells how far: also of the site that ftrace has in a function. */
export const CALL_SIZE = 5;

/** NOPs of 1 to 9 bytes as 64-bit kernels write them; longer ones get `66` prefixes. */
const NOPS_64 = [
  "90",
  "6690",
  "0f1f00",
  "0f1f4000",
  "0f1f440000",
  "660f1f440000",
  "0f1f8000000000",
  "0f1f840000000000",
  "660f1f840000000000",
].map(fromHex);

/** The same as 32-bit kernels write them. */
const NOPS_32 = [
  "90",
  "89f6",
  "8d7600",
  "8d742600",
  "3e8d742600",
  "8db600000000",
  "8db42600000000",
  "3e8db42600000000",
]
  .map(fromHex);

/** arm64's `nop`. */
const ARM64_NOP = 0xd503201f;
/** `mov x9, x30`: the first instruction of a traceable arm64 function, before the patchable NOP. */
const ARM64_SAVE_LR = 0xaa1e03e9;
/** `b` and `bl` reach 2^25 instructions either way. */
const ARM64_REACH = 0x8000000;

/** The five bytes (x86) or word (arm64) that an idle ftrace site holds. */
export function ftraceNop(arch: ArchModel): readonly number[] {
  if (arch.arch === "arm64") return word(ARM64_NOP);
  return (arch.arch === "i386" ? NOPS_32 : NOPS_64)[4] as readonly number[];
}

/** A direct call (or jump) from `at` to `target`, in the architecture's five bytes or one word. */
export function directCall(arch: ArchModel, at: Addr, target: Addr, jump = false): readonly number[] {
  if (arch.arch === "arm64") return word(arm64Branch(at, target, jump));
  return [jump ? 0xe9 : 0xe8, ...little(target - (at + CALL_SIZE))];
}

/**
 * The bytes of a function. `addressOf` finds the targets of calls; a call whose target it doesn't know goes to itself
 * with displacement 0, as in an unlinked object.
 */
export function functionBytes(
  arch: ArchModel,
  info: FunctionInfo,
  addressOf: (name: string) => Addr | undefined,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(info.size);
  if (arch.arch === "arm64") {
    fillArm64(bytes, info);
  } else {
    const boundaries = info.boundaries();
    for (let i = 0; i < boundaries.length; i++) {
      const start = boundaries[i] as number;
      const end = Math.min(boundaries[i + 1] ?? info.size, info.size);
      bytes.set(nop(arch, end - start), start);
    }
  }
  for (const site of info.callSites()) {
    const encoded = encode(arch, info, site, addressOf);
    if (encoded !== null && site.offset + encoded.length <= bytes.length) bytes.set(encoded, site.offset);
  }
  return bytes;
}

/** A return as a running kernel has it, on CPUs that need no return thunk: `ret` and four breakpoints. */
const RETURN: readonly number[] = [0xc3, 0xcc, 0xcc, 0xcc, 0xcc];

/** Whether a site is the compiler's jump to the return thunk, which booting replaces by `RETURN`. */
export function isReturnThunk(arch: ArchModel, site: CallSite): boolean {
  return arch.arch === "x86_64" && site.target === "__x86_return_thunk" &&
    site.returnOffset - site.offset === CALL_SIZE;
}

/**
 * Where a static call goes in a kernel with voluntary preemption, the default of these builds; null: nowhere (a NOP).
 * Other calls go where they say.
 */
function staticCallTarget(target: string): string | null {
  if (!isStaticCall({ target })) return target;
  return target === "__SCT__cond_resched" || target === "__SCT__might_resched" ? "__cond_resched" : null;
}

function encode(
  arch: ArchModel,
  info: FunctionInfo,
  site: CallSite,
  addressOf: (name: string) => Addr | undefined,
): readonly number[] | null {
  const length = site.returnOffset - site.offset;
  const at = info.address + site.offset;
  if (site.kind === "indirect") return indirect(arch, site.target, length);
  // Booted kernels turned the compiler's calls to the entry hook into NOPs.
  if (site.target === "__fentry__" || site.target === "_mcount") return ftraceNop(arch);
  if (isReturnThunk(arch, site)) return RETURN;
  const name = staticCallTarget(site.target);
  if (name === null) return length === CALL_SIZE ? ftraceNop(arch) : null;
  const target = addressOf(name);
  if (arch.arch === "arm64") return word(arm64Branch(at, target ?? at, site.kind === "jump"));
  const distance = target === undefined ? 0 : target - (at + length);
  if (length === CALL_SIZE) return [site.kind === "call" ? 0xe8 : 0xe9, ...little(distance)];
  // A conditional jump to another function. Which condition is not known: the encoding of `je` stands for all.
  if (length === 6 && site.kind === "jump") return [0x0f, 0x84, ...little(distance)];
  return null;
}

/** `call *disp32` and `blr xN`: what the facts tell about an indirect call; null where they don't. */
function indirect(arch: ArchModel, target: string, length: number): readonly number[] | null {
  if (arch.arch === "arm64") {
    const register = /^x(\d+)$/.exec(target);
    return register === null ? null : word(0xd63f0000 | Number(register[1]) << 5);
  }
  const pointer = /^\*?0x([0-9a-f]+)$/.exec(target);
  if (pointer === null) return null;
  const disp = little(Number(BigInt.asIntN(32, BigInt(`0x${pointer[1]}`))));
  if (arch.arch === "x86_64" && length === 7) return [0xff, 0x14, 0x25, ...disp];
  if (arch.arch === "i386" && length === 6) return [0xff, 0x15, ...disp];
  return null;
}

function fillArm64(bytes: Uint8Array<ArrayBuffer>, info: FunctionInfo): void {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 4 <= info.size; at += 4) view.setUint32(at, ARM64_NOP, true);
  if (info.size >= 8) view.setUint32(0, ARM64_SAVE_LR, true);
}

function arm64Branch(at: Addr, target: Addr, jump: boolean): number {
  const distance = target - at;
  const reachable = Math.abs(distance) < ARM64_REACH ? distance : 0;
  return (jump ? 0x14000000 : 0x94000000) | (reachable / 4 & 0x3ffffff);
}

function nop(arch: ArchModel, length: number): readonly number[] {
  const table = arch.arch === "i386" ? NOPS_32 : NOPS_64;
  const known = table[length - 1];
  if (known !== undefined) return known;
  const longest = table[table.length - 1] as readonly number[];
  return [...new Array<number>(Math.max(0, length - longest.length)).fill(0x66), ...longest].slice(
    0,
    Math.max(0, length),
  );
}

function word(value: number): readonly number[] {
  return little(value);
}

function little(value: number): number[] {
  return [value & 0xff, value >> 8 & 0xff, value >> 16 & 0xff, value >> 24 & 0xff];
}

function fromHex(text: string): readonly number[] {
  return (text.match(/../g) ?? []).map((pair) => parseInt(pair, 16));
}
