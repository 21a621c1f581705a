/**
 * The image file: a header, then sections of separately deflated chunks, so that a reader inflates only what it touches.
 *
 * Layout: the bytes `KIMG`, then little-endian 32-bit words: format version, header length, total length; then the deflated JSON
 * header; then every chunk of every section in the header's order.
 *
 * @module
 */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Arch } from "./model.ts";

/** Format version that this code reads and writes. */
export const IMAGE_VERSION = 2;
const MAGIC = 0x474d_494b;
const PREFIX = 16;

/** The sections of an image, in file order. */
export const SECTIONS = [
  "name_heads",
  "names",
  "name_index",
  "symbol_heads",
  "symbols",
  "lengths",
  "calls",
  "targets",
  "types",
  "type_names",
  "enumerators",
  "tracepoint_names",
  "tracepoints",
  "blacklist",
  "syscalls",
] as const;

/** Name of a section. */
export type Section = typeof SECTIONS[number];

/** What an image says about itself. */
export interface ImageHeader {
  readonly arch: Arch;
  readonly release: string;
  readonly pointerSize: 4 | 8;
  readonly whole: boolean;
  /** Numbers of things, for readers that size their tables before inflating a section. */
  readonly counts: { readonly names: number; readonly types: number };
}

interface StoredHeader extends ImageHeader {
  /** Deflated lengths of each section's chunks. */
  readonly chunks: readonly (readonly number[])[];
}

const ARCHES: readonly string[] = ["x86_64", "arm64", "i386"];

/** Packs sections into an image file. */
export function packImage(
  header: ImageHeader,
  sections: ReadonlyMap<Section, readonly Uint8Array[]>,
): Uint8Array {
  const packed = SECTIONS.map((name) =>
    (sections.get(name) ?? []).map((raw) => deflateRawSync(raw, { level: 9 }))
  );
  const stored: StoredHeader = { ...header, chunks: packed.map((chunks) => chunks.map((c) => c.length)) };
  const head = deflateRawSync(new TextEncoder().encode(JSON.stringify(stored)), { level: 9 });
  const parts = [head, ...packed.flat()];
  const total = parts.reduce((sum, part) => sum + part.length, PREFIX);
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  [MAGIC, IMAGE_VERSION, head.length, total].forEach((word, i) => view.setUint32(i * 4, word, true));
  let at = PREFIX;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** An opened image file. Chunks inflate when asked for and are not kept here. */
export class Container {
  /** What the image says about itself. */
  readonly header: ImageHeader;
  readonly #bytes: Uint8Array;
  readonly #starts: ReadonlyMap<Section, Uint32Array>;
  readonly #label: string;

  /**
   * Opens the bytes of an image file. `label` names it in errors.
   *
   * Throws an Error that says what is wrong for bytes that are no image, of another version, or not whole.
   */
  constructor(bytes: Uint8Array, label: string) {
    this.#bytes = bytes;
    this.#label = label;
    const { stored, start } = readHeader(bytes, label);
    const { chunks, ...header } = stored;
    this.header = header;
    const starts = new Map<Section, Uint32Array>();
    let at = start;
    SECTIONS.forEach((name, i) => {
      const lengths = chunks[i] ?? [];
      const table = new Uint32Array(lengths.length + 1);
      table[0] = at;
      lengths.forEach((length, n) => table[n + 1] = at += length);
      starts.set(name, table);
    });
    if (at !== bytes.length) throw damaged(label, "its sections do not add up to its length");
    this.#starts = starts;
  }

  /** Number of chunks in a section. */
  chunkCount(section: Section): number {
    return this.#table(section).length - 1;
  }

  /** Inflates one chunk. Throws an Error where the file is damaged there. */
  chunk(section: Section, index: number): Uint8Array {
    const table = this.#table(section);
    const start = table[index];
    const end = table[index + 1];
    if (start === undefined || end === undefined) {
      throw damaged(this.#label, `section ${section} has no chunk ${index}`);
    }
    try {
      return inflateRawSync(this.#bytes.subarray(start, end));
    } catch (cause) {
      throw damaged(this.#label, `chunk ${index} of section ${section} does not inflate`, cause);
    }
  }

  #table(section: Section): Uint32Array {
    return this.#starts.get(section) ?? new Uint32Array(1);
  }
}

function readHeader(bytes: Uint8Array, label: string): { stored: StoredHeader; start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX || view.getUint32(0, true) !== MAGIC) {
    const found = bytes.length === 0 ? "it is empty" : "it does not begin with KIMG";
    throw new Error(
      `Cannot open ${label} as a kernel image: ${found}; tools/build_image.ts makes one from a kernel's facts`,
    );
  }
  const version = view.getUint32(4, true);
  if (version !== IMAGE_VERSION) {
    throw new Error(
      `Cannot open kernel image ${label}: its format version is ${version}, this kscope reads ${IMAGE_VERSION}; build it again`,
    );
  }
  const headLength = view.getUint32(8, true);
  const total = view.getUint32(12, true);
  if (bytes.length < total) {
    throw new Error(
      `Cannot open kernel image ${label}: it is cut short at ${bytes.length} of ${total} bytes`,
    );
  }
  if (bytes.length > total) {
    throw damaged(label, `${bytes.length - total} bytes follow its end`);
  }
  try {
    const text = new TextDecoder().decode(inflateRawSync(bytes.subarray(PREFIX, PREFIX + headLength)));
    const stored = JSON.parse(text) as StoredHeader;
    if (!ARCHES.includes(stored.arch)) throw new Error(`unknown architecture "${stored.arch}"`);
    return { stored, start: PREFIX + headLength };
  } catch (cause) {
    throw damaged(label, "its header is unreadable", cause);
  }
}

function damaged(label: string, what: string, cause?: unknown): Error {
  return new Error(
    `Cannot read kernel image ${label}: ${what}; the file is damaged, build or fetch it again`,
    { cause },
  );
}
