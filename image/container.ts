/**
 * The image file: a header, then sections of separately packed chunks, so that a reader unpacks only what it touches.
 *
 * Layout: the bytes `KIMG`, then little-endian 32-bit words: format version, packing (0: chunks are stored, 1: they are
 * deflated), header length, total length; then the header (length of its JSON, the JSON, and for each section the number
 * of its chunks and their lengths); then every chunk of every section in the header's order.
 *
 * Files are deflated; the built-in core images are stored, so that they open without loading an inflater.
 *
 * @module
 */
import { ByteReader, ByteWriter } from "./bytes.ts";
import { inflater } from "./inflate.ts";
import type { Arch } from "./model.ts";

/** Format version that this code reads and writes. */
export const IMAGE_VERSION = 6;
const MAGIC = 0x474d_494b;
const PREFIX = 20;
const STORED = 0;
const DEFLATED = 1;

/** The sections of an image, in file order. The last one is left out where it is empty. */
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
  "filter_functions",
  "shapes",
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

const ARCHES: readonly string[] = ["x86_64", "arm64", "i386"];

/** Packs sections into an image file. Chunks are stored unless `deflate` (raw deflate) is given. */
export function packImage(
  header: ImageHeader,
  sections: ReadonlyMap<Section, readonly Uint8Array[]>,
  deflate?: (raw: Uint8Array) => Uint8Array,
): Uint8Array {
  const written = SECTIONS.filter((name) => name !== "shapes" || sections.has(name));
  const packed = written.map((name) => (sections.get(name) ?? []).map((raw) => deflate?.(raw) ?? raw));
  const json = new TextEncoder().encode(JSON.stringify(header));
  const directory = new ByteWriter().uint(json.length).raw(json);
  for (const chunks of packed) {
    directory.uint(chunks.length);
    for (const chunk of chunks) directory.uint(chunk.length);
  }
  const head = directory.finish();
  const parts = [head, ...packed.flat()];
  const total = parts.reduce((sum, part) => sum + part.length, PREFIX);
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  [MAGIC, IMAGE_VERSION, deflate === undefined ? STORED : DEFLATED, head.length, total].forEach((word, i) =>
    view.setUint32(i * 4, word, true)
  );
  let at = PREFIX;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** An opened image file. Chunks unpack when asked for and are not kept here. */
export class Container {
  /** What the image says about itself. */
  readonly header: ImageHeader;
  readonly #bytes: Uint8Array;
  readonly #starts: ReadonlyMap<Section, Uint32Array>;
  readonly #label: string;
  readonly #stored: boolean;

  /**
   * Opens the bytes of an image file. `label` names it in errors.
   *
   * Throws an Error that says what is wrong for bytes that are no image, of another version, or not whole.
   */
  constructor(bytes: Uint8Array, label: string) {
    this.#bytes = bytes;
    this.#label = label;
    const { header, starts, stored } = readHeader(bytes, label);
    this.#stored = stored;
    this.header = header;
    this.#starts = starts;
  }

  /** Number of chunks in a section. */
  chunkCount(section: Section): number {
    return this.#table(section).length - 1;
  }

  /** Unpacks one chunk. Throws an Error where the file is damaged there. */
  chunk(section: Section, index: number): Uint8Array {
    const table = this.#table(section);
    const start = table[index];
    const end = table[index + 1];
    if (start === undefined || end === undefined) {
      throw damaged(this.#label, `section ${section} has no chunk ${index}`);
    }
    const packed = this.#bytes.subarray(start, end);
    if (this.#stored) return packed;
    try {
      return inflater()(packed);
    } catch (cause) {
      throw damaged(this.#label, `chunk ${index} of section ${section} does not inflate`, cause);
    }
  }

  #table(section: Section): Uint32Array {
    return this.#starts.get(section) ?? new Uint32Array(1);
  }
}

interface Directory {
  readonly header: ImageHeader;
  /** Where each section's chunks start; one more at the end. */
  readonly starts: ReadonlyMap<Section, Uint32Array>;
}

function readHeader(bytes: Uint8Array, label: string): Directory & { readonly stored: boolean } {
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
  const packing = view.getUint32(8, true);
  if (packing !== STORED && packing !== DEFLATED) throw damaged(label, `its packing is ${packing}`);
  const headLength = view.getUint32(12, true);
  const total = view.getUint32(16, true);
  if (bytes.length < total) {
    throw new Error(
      `Cannot open kernel image ${label}: it is cut short at ${bytes.length} of ${total} bytes`,
    );
  }
  if (bytes.length > total) {
    throw damaged(label, `${bytes.length - total} bytes follow its end`);
  }
  const directory = readDirectory(bytes, PREFIX + headLength, label);
  const end = directory.starts.get(SECTIONS.at(-1)!)!.at(-1);
  if (end !== total) throw damaged(label, "its sections do not add up to its length");
  return { ...directory, stored: packing === STORED };
}

function readDirectory(bytes: Uint8Array, end: number, label: string): Directory {
  try {
    const reader = new ByteReader(bytes.subarray(PREFIX, end));
    const header = JSON.parse(new TextDecoder().decode(reader.take(reader.uint()))) as ImageHeader;
    if (!ARCHES.includes(header.arch)) throw new Error(`unknown architecture "${header.arch}"`);
    const starts = new Map<Section, Uint32Array>();
    let at = end;
    for (const name of SECTIONS) {
      const chunks = reader.done && name === "shapes" ? 0 : reader.uint();
      if (chunks > bytes.length) throw new Error(`section ${name} has ${chunks} chunks`);
      const table = new Uint32Array(chunks + 1);
      table[0] = at;
      for (let i = 1; i < table.length; i++) table[i] = at += reader.uint();
      starts.set(name, table);
    }
    return { header, starts };
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
