/**
 * Fields of kernel objects as the process, file system and memory management code names them: `struct`, path. A field
 * is bound to a kernel's layout at first use and remembers where it landed, so that reading it costs a few loads.
 *
 * @module
 */

import { bareType } from "../../image/ctype.ts";
import type { Addr, KernelImage } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";

/** A scalar field of a kernel struct (integer, enum, pointer; bit-fields are not taken). */
export class Field {
  readonly #type: string;
  readonly #path: string;
  #image: KernelImage | undefined;
  #offset = 0;
  #size = 0;
  #signed = false;

  constructor(type: string, path: string) {
    this.#type = type;
    this.#path = path;
  }

  /** Byte offset of the field from the start of the struct. */
  offset(k: Kernel): number {
    if (k.image !== this.#image) this.#bind(k.image);
    return this.#offset;
  }

  /** Whether this kernel's struct has the field. */
  exists(k: Kernel): boolean {
    const type = k.image.type(`struct ${this.#type}`);
    return type !== undefined && k.image.field(type, this.#path) !== undefined;
  }

  /** Size of the field in bytes. */
  size(k: Kernel): number {
    if (k.image !== this.#image) this.#bind(k.image);
    return this.#size;
  }

  /** Address of the field inside the object at `object`. */
  at(k: Kernel, object: Addr): Addr {
    return object + this.offset(k);
  }

  /** Reads it; signed words, as everywhere inside the model. Faults as a wrong pointer does. */
  get(k: Kernel, object: Addr): number {
    if (k.image !== this.#image) this.#bind(k.image);
    return k.memory.load(object + this.#offset, this.#size, this.#signed);
  }

  /** Writes it. */
  set(k: Kernel, object: Addr, value: number): void {
    if (k.image !== this.#image) this.#bind(k.image);
    k.memory.store(object + this.#offset, this.#size, value);
  }

  /** Adds to it and gives the new value. */
  add(k: Kernel, object: Addr, by: number): number {
    const value = this.get(k, object) + by;
    this.set(k, object, value);
    return value;
  }

  #bind(image: KernelImage): void {
    const type = image.type(`struct ${this.#type}`);
    if (type === undefined) {
      throw new Error(
        `Cannot use field "${this.#path}": the ${image.arch} image has no struct ${this.#type}`,
      );
    }
    const layout = image.field(type, this.#path);
    if (layout === undefined) {
      throw new Error(
        `Cannot use field "${this.#path}": struct ${this.#type} on ${image.arch} has none of that name`,
      );
    }
    const target = bareType(layout.type);
    this.#offset = layout.offset;
    this.#size = image.sizeOf(target);
    // Pointers are canonical: sign-extended on 64-bit kernels, unsigned on i386.
    this.#signed = target.kind === "ptr"
      ? image.pointerSize === 8
      : (target.kind === "int" || target.kind === "enum") && target.signed || this.#size === 8;
    this.#image = image;
  }
}

/** A field of a kernel struct: `field("file", "f_path.dentry")`. */
export function field(type: string, path: string): Field {
  return new Field(type, path);
}

/** What was looked up in an image: struct sizes, and addresses of data symbols. */
interface Known {
  readonly sizes: Map<string, number>;
  readonly symbols: Map<string, Addr>;
}

const known = new WeakMap<KernelImage, Known>();

/** The image that was asked about last, and what is known of it. */
let lastImage: KernelImage | undefined;
let lastKnown: Known = { sizes: new Map(), symbols: new Map() };

function knownOf(image: KernelImage): Known {
  if (image === lastImage) return lastKnown;
  let found = known.get(image);
  if (found === undefined) known.set(image, found = { sizes: new Map(), symbols: new Map() });
  lastImage = image;
  lastKnown = found;
  return found;
}

/** Size of a struct on this kernel, in bytes; 0 where its image does not describe it. */
export function sizeIfKnown(k: Kernel, type: string): number {
  const { sizes } = knownOf(k.image);
  let size = sizes.get(type);
  if (size === undefined) {
    const found = k.image.type(`struct ${type}`);
    size = found === undefined ? 0 : k.image.sizeOf(found);
    sizes.set(type, size);
  }
  return size;
}

/** Size of a struct on this kernel, in bytes. */
export function sizeOfStruct(k: Kernel, type: string): number {
  const size = sizeIfKnown(k, type);
  if (size === 0) throw new Error(`Cannot size struct ${type}: the ${k.image.arch} image has no such type`);
  return size;
}

/** Address of a symbol of this kernel; 0 where the image does not list it. */
export function symbolAddress(k: Kernel, name: string): Addr {
  const { symbols } = knownOf(k.image);
  let address = symbols.get(name);
  if (address === undefined) {
    address = k.image.symbol(name)?.address ?? 0;
    symbols.set(name, address);
  }
  return address;
}
