/**
 * C's 64-bit integers. A value is a number where that is exact, else a bigint; nothing is allocated while values stay
 * within ±2^53. What an operator is given is in range already: signed values from -2^63, unsigned ones from 0.
 *
 * Division cuts, and by zero gives 0; a remainder by zero is the dividend: what BPF programs get. Shifts take the lowest
 * six bits of their count.
 *
 * @module
 */

import type { COperator } from "../ir.ts";
import { narrow } from "../maps/total.ts";

/** An integer of C. */
export type CInt = number | bigint;

const MAX = Number.MAX_SAFE_INTEGER;

function signed(value: bigint): CInt {
  return narrow(BigInt.asIntN(64, value));
}

function unsigned(value: bigint): CInt {
  return narrow(BigInt.asUintN(64, value));
}

/** Any integer or truth value as a signed one of 64 bits. */
export function toS64(value: CInt | boolean): CInt {
  return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : signed(value);
}

/** Any integer or truth value as an unsigned one of 64 bits. */
export function toU64(value: CInt | boolean): CInt {
  if (typeof value === "number") return value >= 0 ? value : unsigned(BigInt(value));
  return typeof value === "boolean" ? Number(value) : unsigned(value);
}

/** An integer as an address: a signed number, rounded where no address is meant. */
export function nearest(value: CInt | boolean): number {
  return typeof value === "number" ? value : Number(toS64(value));
}

/** An integer cut to a type of 1, 2, 4 or 8 bytes. */
export function wrapValue(value: CInt | boolean, size: number, isSigned: boolean): CInt {
  if (size === 8) return isSigned ? toS64(value) : toU64(value);
  const low = typeof value === "bigint" ? Number(BigInt.asIntN(32, value)) : Number(value) | 0;
  switch (size) {
    case 4:
      return isSigned ? low : low >>> 0;
    case 2:
      return isSigned ? low << 16 >> 16 : low & 0xffff;
    default:
      return isSigned ? low << 24 >> 24 : low & 0xff;
  }
}

export function addS(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (sum <= MAX && sum >= -MAX) return sum;
  }
  return signed(BigInt(a) + BigInt(b));
}

export function addU(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    if (sum <= MAX) return sum;
  }
  return unsigned(BigInt(a) + BigInt(b));
}

export function subS(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (difference <= MAX && difference >= -MAX) return difference;
  }
  return signed(BigInt(a) - BigInt(b));
}

export function subU(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    if (difference >= 0) return difference;
  }
  return unsigned(BigInt(a) - BigInt(b));
}

export function mulS(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    // Adding 0 turns -0 into 0.
    if (product <= MAX && product >= -MAX) return product + 0;
  }
  return signed(BigInt(a) * BigInt(b));
}

export function mulU(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (product <= MAX) return product;
  }
  return unsigned(BigInt(a) * BigInt(b));
}

export function divS(a: CInt, b: CInt): CInt {
  // Bigint zeros do not occur: 0 is a number.
  if (b === 0) return 0;
  if (typeof a === "number" && typeof b === "number") return Math.trunc(a / b) + 0;
  return signed(BigInt(a) / BigInt(b));
}

export function modS(a: CInt, b: CInt): CInt {
  if (b === 0) return a;
  if (typeof a === "number" && typeof b === "number") return a % b + 0;
  return signed(BigInt(a) % BigInt(b));
}

export function divU(a: CInt, b: CInt): CInt {
  if (b === 0) return 0;
  if (typeof a === "number" && typeof b === "number") return Math.floor(a / b);
  return narrow(BigInt(a) / BigInt(b));
}

export function modU(a: CInt, b: CInt): CInt {
  if (b === 0) return a;
  if (typeof a === "number" && typeof b === "number") return a % b;
  return narrow(BigInt(a) % BigInt(b));
}

const HIGH = 2 ** 32;

/** Both numbers in 32-bit signed range. */
function small(a: CInt, b: CInt): a is number {
  return typeof a === "number" && typeof b === "number" && (a | 0) === a && (b | 0) === b;
}

/** Two halves of 32 bits as a signed integer, where a number holds it; else the slow way. */
function halves(high: number, low: number): number {
  return high * HIGH + (low >>> 0);
}

export function andS(a: CInt, b: CInt): CInt {
  if (small(a, b)) return a & b as number;
  if (typeof a === "number" && typeof b === "number") {
    const result = halves(Math.floor(a / HIGH) & Math.floor(b / HIGH), a & b);
    if (result >= -MAX) return result;
  }
  return signed(BigInt(a) & BigInt(b));
}

export function orS(a: CInt, b: CInt): CInt {
  if (small(a, b)) return a | b as number;
  if (typeof a === "number" && typeof b === "number") {
    const result = halves(Math.floor(a / HIGH) | Math.floor(b / HIGH), a | b);
    if (result >= -MAX) return result;
  }
  return signed(BigInt(a) | BigInt(b));
}

export function xorS(a: CInt, b: CInt): CInt {
  if (small(a, b)) return a ^ b as number;
  if (typeof a === "number" && typeof b === "number") {
    const result = halves(Math.floor(a / HIGH) ^ Math.floor(b / HIGH), a ^ b);
    if (result >= -MAX) return result;
  }
  return signed(BigInt(a) ^ BigInt(b));
}

// Numbers that are not negative stay so under these: unsigned values take the same way.
export function andU(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") return andS(a, b);
  return unsigned(BigInt(a) & BigInt(b));
}

export function orU(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") return orS(a, b);
  return unsigned(BigInt(a) | BigInt(b));
}

export function xorU(a: CInt, b: CInt): CInt {
  if (typeof a === "number" && typeof b === "number") return xorS(a, b);
  return unsigned(BigInt(a) ^ BigInt(b));
}

/** A shift's count: its lowest six bits. */
function places(count: CInt): number {
  return typeof count === "number" ? (count & 63) : Number(BigInt.asUintN(6, count));
}

export function shlS(a: CInt, count: CInt): CInt {
  const n = places(count);
  if (typeof a === "number") {
    const moved = a * 2 ** n;
    if (moved <= MAX && moved >= -MAX) return moved;
  }
  return signed(BigInt(a) << BigInt(n));
}

export function shlU(a: CInt, count: CInt): CInt {
  const n = places(count);
  if (typeof a === "number") {
    const moved = a * 2 ** n;
    if (moved <= MAX) return moved;
  }
  return unsigned(BigInt(a) << BigInt(n));
}

export function shr(a: CInt, count: CInt): CInt {
  const n = places(count);
  return typeof a === "number" ? Math.floor(a / 2 ** n) : narrow(a >> BigInt(n));
}

export function invertU(a: CInt): CInt {
  return unsigned(~BigInt(a));
}

export function invertS(a: CInt): CInt {
  // -2^53 is no safe integer.
  return typeof a === "number" && a < MAX ? -a - 1 : signed(~BigInt(a));
}

export function negateS(a: CInt): CInt {
  return typeof a === "number" ? 0 - a : signed(-a);
}

/** What generated code calls, by name. */
export const C_RUNTIME = {
  toS64,
  toU64,
  nearest,
  wrapValue,
  addS,
  addU,
  subS,
  subU,
  mulS,
  mulU,
  divS,
  divU,
  modS,
  modU,
  andS,
  andU,
  orS,
  orU,
  xorS,
  xorU,
  shlS,
  shlU,
  shr,
  invertS,
  invertU,
  negateS,
} as const;

const ARITHMETIC: Readonly<
  Record<string, readonly [signed: keyof typeof C_RUNTIME, unsigned: keyof typeof C_RUNTIME]>
> = {
  "+": ["addS", "addU"],
  "-": ["subS", "subU"],
  "*": ["mulS", "mulU"],
  "/": ["divS", "divU"],
  "%": ["modS", "modU"],
  "&": ["andS", "andU"],
  "|": ["orS", "orU"],
  "^": ["xorS", "xorU"],
  "<<": ["shlS", "shlU"],
  ">>": ["shr", "shr"],
};

/** The function that computes an operator; undefined for comparisons, which JavaScript's do. */
export function cFunction(operator: COperator, isSigned: boolean): keyof typeof C_RUNTIME | undefined {
  return ARITHMETIC[operator]?.[isSigned ? 0 : 1];
}

/** `left operator right`. */
export function cBinaryValue(
  operator: COperator,
  isSigned: boolean,
  left: CInt,
  right: CInt,
): CInt | boolean {
  const to = isSigned ? toS64 : toU64;
  const [a, b] = [to(left), to(right)];
  const name = cFunction(operator, isSigned);
  if (name !== undefined) return (C_RUNTIME[name] as (a: CInt, b: CInt) => CInt)(a, b);
  switch (operator) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
}

/** `-operand` or `~operand`. */
export function cUnaryValue(op: "cNegate" | "cInvert", isSigned: boolean, operand: CInt): CInt {
  const value = (isSigned ? toS64 : toU64)(operand);
  if (op === "cNegate") return negateS(value);
  return isSigned ? invertS(value) : invertU(value);
}
