/**
 * Integers and text in a page's bytes.
 *
 * @module
 */

import { wordToNumber } from "../arch/words.ts";

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();
/** Longest text that goes through `String.fromCharCode` as arguments. */
const SHORT = 4096;

/** Longest text that is remembered, and how many are: a power of two. */
const REMEMBERED = 256;
const TEXTS = 4096;
/** Texts that were read, by a hash of their bytes: names and paths come again and again. */
const texts: string[] = new Array<string>(TEXTS).fill("");

/** Text of the UTF-8 bytes in `[start, end)`, quickly where it is ASCII. */
export function decode(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  const length = end - start;
  if (length > REMEMBERED) return decodeLong(bytes.subarray(start, end));
  let hash = length;
  let all = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number;
    all |= byte;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  if (all >= 0x80) return DECODER.decode(bytes.subarray(start, end));
  const slot = (hash ^ hash >>> 15) & (TEXTS - 1);
  const known = texts[slot] as string;
  if (known.length === length && isText(known, bytes, start)) return known;
  const text = String.fromCharCode.apply(null, bytes.subarray(start, end) as unknown as number[]);
  texts[slot] = text;
  return text;
}

function isText(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}

function decodeLong(bytes: Uint8Array): string {
  if (bytes.length > SHORT) return DECODER.decode(bytes);
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) >= 0x80) return DECODER.decode(bytes);
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** Writes a text to `bytes` at `start` if it is ASCII; false, after writing part of it, if it isn't. */
export function encodeInto(text: string, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return false;
    bytes[start + i] = code;
  }
  return true;
}

/** UTF-8 of a text, quickly where it is ASCII. */
export function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return ENCODER.encode(text);
    bytes[i] = code;
  }
  return bytes;
}

/** One after the other. */
export function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

/** Reads an integer of 1, 2, 4 or 8 bytes; 8 always as the signed word. */
export function fetch(view: DataView, offset: number, size: number, signed: boolean): number {
  switch (size) {
    case 8:
      return pair(view.getInt32(offset, true), view.getInt32(offset + 4, true));
    case 4:
      return signed ? view.getInt32(offset, true) : view.getUint32(offset, true);
    case 2:
      return signed ? view.getInt16(offset, true) : view.getUint16(offset, true);
    default:
      return signed ? view.getInt8(offset) : view.getUint8(offset);
  }
}

/** Writes an integer of 1, 2, 4 or 8 bytes, modulo its size. */
export function deposit(view: DataView, offset: number, size: number, value: number): void {
  switch (size) {
    case 8:
      view.setInt32(offset, value, true);
      view.setInt32(offset + 4, Math.floor(value * (1 / 0x100000000)), true);
      break;
    case 4:
      view.setInt32(offset, value, true);
      break;
    case 2:
      view.setInt16(offset, value, true);
      break;
    default:
      view.setInt8(offset, value);
  }
}

/** Two halves as a number: the signed word, so that kernel pointers are exact whatever their C type. */
export function pair(low: number, high: number): number {
  if (high >= -0x200000 && high < 0x200000) return high * 0x100000000 + (low >>> 0);
  return wordToNumber(low, high, "memory.readBig(address, 8, signed)");
}
