/**
 * What two runs of the same commands can't have in common is marked on both sides: times, process numbers, CPUs, pointers
 * into memory that each kernel hands out in its own way. `Correspondence` compares what is marked by what it stands for.
 * Addresses in the kernel's own image are compared as they are, moved by the distance between where the recorded kernel was
 * loaded and where the modeled one is.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";

/** Values below this are counts, offsets and flags; above it, pointers and times. */
const SMALL = 0x100000n;
/** Error numbers end here. */
const MAX_ERRNO = 4095n;

const HZ = 250;
/** What jiffies begin with: `(unsigned int) (-300 * HZ)`. */
const INITIAL_JIFFIES = 2 ** 32 - 300 * HZ;
/** How far the trace's clock may be from them: a tenth of a second. */
const JIFFIES_LATE = HZ / 10;

/** Where programs of 32 bits begin. */
const LOWEST_PROGRAM = 0x08000000n;
/** End of user space with 48 bits of address, which is what programs get that don't ask for more. */
const USER_END = 1n << 48n;
/** Where the kernel's half of the address space begins, with up to 57 bits of address. */
const KERNEL_HALF = 0xff00000000000000n;

/** Addresses of one recording, and how they become the model's. */
export class Relocation {
  readonly #image: KernelImage;
  readonly #from: bigint;
  readonly #to: bigint;
  readonly #distance: bigint;
  readonly #mask: bigint;

  /** Finds out where the recorded kernel was loaded, from lines that give the address of a symbol. */
  constructor(image: KernelImage, text: string) {
    this.#image = image;
    this.#mask = image.pointerSize === 8 ? 0xffffffffffffffffn : 0xffffffffn;
    const base = this.#addressOf("_text") ?? this.#addressOf("_stext") ?? 0n;
    const end = this.#addressOf("_end") ?? this.#addressOf("_etext") ?? base + 0x4000000n;
    this.#distance = this.#find(text);
    this.#from = base - this.#distance;
    this.#to = end - this.#distance;
  }

  /** An address of the recorded kernel's image as the model's, or undefined for any other value. */
  moved(value: bigint): bigint | undefined {
    if (value < this.#from || value > this.#to) return undefined;
    return value + this.#distance;
  }

  /** Whether an address lies in the modeled kernel's image. */
  inImage(value: bigint): boolean {
    return value >= this.#from + this.#distance && value <= this.#to + this.#distance;
  }

  /** Whose a pointer is that isn't into the image. */
  kind(value: bigint): MarkKind {
    // User space ends below the middle of 64 bits, and at three quarters of 32.
    return value < (this.#mask === 0xffffffffn ? 0xc0000000n : 1n << 63n) ? "USER PTR" : "KERNEL PTR";
  }

  /** A number that may be negative, as the word that it is. */
  unsigned(value: bigint): bigint {
    return value < 0n ? value & this.#mask : value;
  }

  /** Whether a large value can be an address: of user space or the kernel. */
  isPointer(value: bigint): boolean {
    if (this.#mask === 0xffffffffn) {
      // 64 bits read there may be two.
      const high = value >> 32n;
      return (value & this.#mask) >= LOWEST_PROGRAM && (high === 0n || high >= LOWEST_PROGRAM);
    }
    return value >= KERNEL_HALF && value <= this.#mask || value > 0xffffffffn && value < USER_END;
  }

  /** Whether a value is a small number or an error. */
  plain(value: bigint): boolean {
    if (value < SMALL) return true;
    // An error is an int or a long, in a register or field of either width.
    return [0xffffffffn, 0xffffffffffffffffn].some((last) => value <= last && value > last - MAX_ERRNO);
  }

  #find(text: string): bigint {
    const listed = /^([0-9a-f]{8,16}) {2}[kr] {2}(\w+)\+0x0 /m.exec(text) ??
      /^([0-9a-f]{8,16}) [tT] ((?:vfs|ksys)_\w+)$/m.exec(text);
    const [, address = "0", symbol = ""] = listed ?? [];
    const modeled = this.#addressOf(symbol);
    return modeled === undefined ? 0n : modeled - BigInt(`0x${address}`);
  }

  #addressOf(symbol: string): bigint | undefined {
    const found = this.#image.symbol(symbol);
    return found === undefined ? undefined : BigInt(found.address) & this.#mask;
  }
}

/** Stands behind an address that was moved: the model's own addresses of the image need none. */
export const MOVED = "§";

/** Moves the addresses of a recorded command or line; `mark` is put behind each. */
export function relocate(line: string, relocation: Relocation, mark = ""): string {
  return line.replace(/\b(0x)?([0-9a-f]{8,16})\b/g, (whole, prefix: string | undefined, digits: string) => {
    const moved = relocation.moved(BigInt(`0x${digits}`));
    return moved === undefined
      ? whole
      : `${prefix ?? ""}${moved.toString(16).padStart(digits.length, "0")}${mark}`;
  });
}

/** What a marked part of a line is. */
export type MarkKind = "TIME" | "PID" | "CPU" | "USER PTR" | "KERNEL PTR" | "HASHED PTR";

/** Marks a part of a line: what it is, and its value. */
function marked(kind: MarkKind, value: string): string {
  return `⟦${kind}:${value}⟧`;
}

/** Marks what differs from run to run in a line of output. */
export function patterned(
  line: string,
  side: "recorded" | "modeled",
  relocation: Relocation,
): string {
  let text = line
    .replace(
      /^(dmesg: )?\[ *(\d+\.\d{6})\]/,
      (_, name = "", time: string) => `${name}[${marked("TIME", time)}]`,
    )
    .replace(
      /-(\d+) +\[(\d{3})\] (\S+ +)(\d+\.\d{6}): /,
      (_, pid: string, cpu: string, flags: string, time: string) =>
        `-${marked("PID", pid)} [${marked("CPU", cpu)}] ${flags.trimEnd()} ${marked("TIME", time)}: `,
    )
    .replace(/^(real|user|sys)\t\d+m \d+\.\d\ds$/, "$1\tDURATION")
    .replace(/ (Nov 22 \d\d:\d\d|Jan {2}1 {2}1970) /, " DATE ")
    // How many directories debugfs has depends on the drivers that are there.
    .replace(/^(d\S+) +\d+ (.* \.\.)$/, "$1 LINKS $2")
    .replace(/^\/tests\.sh: (eval: )?line \d+: /, "/tests.sh: line N: ");
  text = types(text);
  return text
    .replace(/\b0x([0-9a-f]{5,16})(§?)/g, (whole, digits: string, mark: string) => {
      const value = BigInt(`0x${digits}`);
      const image = side === "recorded" ? mark !== "" : relocation.inImage(value);
      return image || relocation.plain(value) ? whole : marked(relocation.kind(value), digits);
    })
    .replaceAll(MOVED, "")
    .replace(/_0x([0-9a-f]{8,16})\b/g, (_, digits: string) => `_${marked("HASHED PTR", digits)}`)
    .replace(
      /(?<=[={,])-?\d{7,20}\b/g,
      (digits) => isJiffies(digits, text) ? "JIFFIES" : decimal(digits, side, relocation),
    );
}

/** Whether a number is the jiffies of the line's own time: they wrap five minutes after the start. */
function isJiffies(digits: string, line: string): boolean {
  const time = Number(/⟦TIME:([\d.]+)⟧/.exec(line)?.[1] ?? NaN);
  return Math.abs(Number(digits) - INITIAL_JIFFIES - time * HZ) <= JIFFIES_LATE;
}

/** A long number in decimal: an address of the image as the model's, another pointer marked, and all others as they are. */
function decimal(digits: string, side: "recorded" | "modeled", relocation: Relocation): string {
  const value = relocation.unsigned(BigInt(digits));
  if (relocation.plain(value)) return digits;
  const inImage = side === "recorded"
    ? relocation.moved(value)
    : relocation.inImage(value)
    ? value
    : undefined;
  if (inImage !== undefined) return digits.startsWith("-") ? `-${inImage}` : `${inImage}`;
  return relocation.isPointer(value) ? marked(relocation.kind(value), digits) : digits;
}

/** Widths of the fields `a` to `n` of the event that shows one pointer as every type. */
const TYPES = "a=u8 b=u16 c=u32 d=u64 e=s8 f=s16 g=s32 h=s64 i=x8 j=x16 k=x32 l=x64 n=x64".split(" ");

/** An event that shows one pointer in all types: whether its fields are that pointer's, and not which pointer. */
function types(line: string): string {
  const [head, tail] = line.split(": (", 2);
  if (tail === undefined || !head?.endsWith(": types")) return line;
  const fields = new Map(
    [...tail.matchAll(/ (\w)=(-?(?:0x)?[0-9a-f]+)/g)].map(([, name = "", value = "0"]) => [name, value]),
  );
  const pointer = BigInt(fields.get("l") ?? "0");
  const wrong = TYPES.filter((type) => {
    const [name = "", kind = ""] = type.split("=");
    const bits = Number(kind.slice(1));
    const cut = kind[0] === "s" ? BigInt.asIntN(bits, pointer) : BigInt.asUintN(bits, pointer);
    return fields.get(name) !== (kind[0] === "x" ? `0x${cut.toString(16)}` : `${cut}`);
  });
  const bits = `${pointer >> 4n & 15n}`;
  if (fields.get("o") !== bits) wrong.push("o=b4@4/32");
  const place = tail.slice(0, tail.indexOf(")"));
  return `${head}: (${place}) ${pointer === 0n ? "of null" : "of a pointer"}, wrong: ${wrong.join(" ")}`;
}
