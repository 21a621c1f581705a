/**
 * Arguments in user memory: strings, buffers, structs and arrays of a recorded call get an address in the task's own
 * memory, so that a probe reads them through the pointer, as on a real kernel.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import type { Task } from "../../kernel/process/task.ts";
import type { Addr, Arch } from "../../image/model.ts";
import type { AddressMap } from "./address_map.ts";
import { bitSet, concat, isSignalSet, signalSet, wordBytes } from "./argument_bytes.ts";
import { evaluate, type NoteUnknown } from "./evaluate.ts";
import { outputsOf } from "./outputs.ts";
import { sockaddrBytes } from "./sockaddr.ts";
import { type FieldType, layoutOf } from "./struct_layouts.ts";
import type { StraceArgument, StraceValue } from "./value.ts";

const PROT_READ_WRITE = 3;
/** Where arguments lie: addresses that no program maps by itself. Buffers larger than a page come after the first MiB. */
const AREA: Readonly<Record<Arch, { readonly start: Addr; readonly size: number }>> = {
  x86_64: { start: 0x200000000000, size: 2 ** 34 },
  arm64: { start: 0x200000000000, size: 2 ** 34 },
  i386: { start: 0x60000000, size: 2 ** 28 },
};
const SMALL = 2 ** 20;
/** The end of the small ones is for texts that outlive a call, each in a slot of its own. */
const TEXTS = 4 * 4096;
const SLOTS = 4;
const PAGE = 4096;
/** Room for a struct or array whose layout is not known: the call fills it in. */
const UNKNOWN_SIZE = 512;
/** Calls whose arrays of numbers are bit sets. */
const BIT_SETS = /^(_newselect|select|pselect6(_time64)?|sched_[gs]etaffinity)$/;
/** Calls whose one number in brackets is a `loff_t`. */
const POSITIONS = /^(sendfile(64)?|splice|copy_file_range)$/;

/** Buffers of at least this size are memory that the program mapped for them, where it did. */
const MAPPED_BUFFER = 65536;

/** Memory that a program mapped for large buffers. */
export interface MappedBuffers {
  /** Where a buffer of so many bytes lies; undefined where the program has mapped none. */
  bufferFor(size: number): Addr | undefined;
}

/** Places arguments of one kernel's calls. What one call placed is overwritten by the same task's next. */
export class UserBuffers {
  readonly #k: Kernel;
  readonly #arch: Arch;
  readonly #note: NoteUnknown;
  readonly #start: Addr;
  readonly #size: number;
  #small = 0;
  #large = SMALL;
  #mapped: MappedBuffers | undefined;
  /** While a vector is placed whose buffers the call fills in. */
  #filled = false;

  constructor(k: Kernel, note: NoteUnknown) {
    this.#k = k;
    this.#arch = k.image.arch;
    this.#note = note;
    this.#start = AREA[this.#arch].start;
    this.#size = AREA[this.#arch].size;
  }

  /** The argument words of a call. `task` must be the one that runs. */
  place(
    task: Task,
    name: string,
    args: readonly StraceValue[],
    addresses: AddressMap,
    mapped?: MappedBuffers,
  ): readonly number[] {
    this.#mapped = mapped;
    this.#small = 0;
    this.#large = SMALL;
    const outputs = outputsOf(name);
    const narrow = this.#arch === "i386";
    const words: number[] = [];
    for (let at = 0; at < args.length; at++) {
      const value = args[at] as StraceValue;
      let word: number;
      if (value.kind === "number") word = addresses.of(value);
      else {
        const length = args[at + 1];
        const room = length?.kind === "number" && length.value >= 0 ? length.value : 0;
        word = this.#word(task, name, value, room, outputs.includes(at), addresses);
      }
      words.push(narrow ? word | 0 : word);
    }
    return words;
  }

  /** User memory of `size` bytes, for a call that has no other argument in memory. */
  room(task: Task, size: number, mapped: MappedBuffers): Addr {
    this.#small = 0;
    this.#large = SMALL;
    return (size >= MAPPED_BUFFER ? mapped.bufferFor(size) : undefined) ?? this.#reserve(task, size);
  }

  /** Puts text behind what calls place: its address. */
  text(task: Task, content: string, slot: number): Addr {
    const room = TEXTS / SLOTS;
    const address = this.#reserveTexts(task) + slot % SLOTS * room;
    const bytes = new TextEncoder().encode(content).subarray(0, room - 1);
    this.#k.memory.writeBytes(address, bytes);
    this.#k.memory.fill(address + bytes.length, 1, 0);
    return address;
  }

  #reserveTexts(task: Task): Addr {
    const space = task.userSpace;
    if (space !== null && space.areaAt(this.#start) === undefined) {
      space.map(this.#start, this.#size, PROT_READ_WRITE);
    }
    return this.#start + SMALL - TEXTS;
  }

  /** Words of an argument list that lies in memory itself, beside what `place` has placed. */
  placeWords(task: Task, words: readonly number[]): Addr {
    return this.#put(task, concat(words.map((word) => wordBytes(word, 4))));
  }

  #word(
    task: Task,
    name: string,
    value: StraceValue,
    room: number,
    output: boolean,
    addresses: AddressMap,
  ): number {
    switch (value.kind) {
      case "number":
        return addresses.of(value);
      case "changed":
        return this.#word(task, name, value.before, room, output, addresses);
      case "string":
      case "struct":
      case "array":
        break;
      default:
        return isSignalSet(value)
          ? this.#put(task, signalSet(value))
          : evaluate(value, this.#arch, this.#note);
    }
    if (value.kind === "string" && !output) return this.#putString(task, value.bytes, room);
    if (output && !isVector(value) && !isMessage(value)) {
      const own = room >= MAPPED_BUFFER ? this.#mapped?.bufferFor(room) : undefined;
      if (own !== undefined) return own;
      return this.#reserve(task, Math.max(room, value.kind === "string" ? 0 : UNKNOWN_SIZE));
    }
    const outside = this.#filled;
    if (output) this.#filled = true;
    const bytes = this.#bytes(task, name, value, addresses);
    this.#filled = outside;
    return this.#put(task, bytes, room);
  }

  #bytes(task: Task, name: string, value: StraceValue, addresses: AddressMap): Uint8Array {
    switch (value.kind) {
      case "struct":
        return this.#struct(task, name, value, addresses);
      case "array":
        return this.#array(task, name, value.items, value.spaced, addresses);
      default:
        return new Uint8Array(UNKNOWN_SIZE);
    }
  }

  #struct(
    task: Task,
    name: string,
    value: StraceValue & { readonly kind: "struct" },
    addresses: AddressMap,
  ): Uint8Array {
    const { fields } = value;
    if (fields[0]?.name === "sa_family") return sockaddrBytes(value, this.#arch, this.#note);
    const layout = layoutOf(fields);
    if (layout === undefined) return new Uint8Array(UNKNOWN_SIZE);
    const long = this.#arch === "i386" && !/_time64$|64$/.test(name) ? 4 : 8;
    const packed = layout.packed === this.#arch;
    const bytes = new Uint8Array(UNKNOWN_SIZE);
    let at = 0;
    for (const [field, type] of layout.fields) {
      const size = fieldSize(type, this.#arch === "i386" ? 4 : 8, long);
      const align = packed ? 1 : Math.min(size, this.#arch === "i386" ? 4 : 8);
      at = Math.ceil(at / align) * align;
      const printed = fields.find((candidate) => candidate.name === field)?.value;
      if (printed !== undefined) {
        const room = field === "iov_base" ? numberOf(fields, "iov_len") : 0;
        bytes.set(this.#field(task, name, printed, type, size, addresses, room, field === "msg_name"), at);
      }
      at += size;
    }
    return bytes.subarray(0, Math.ceil(at / 4) * 4);
  }

  #field(
    task: Task,
    name: string,
    value: StraceValue,
    type: FieldType,
    size: number,
    addresses: AddressMap,
    room: number,
    stored = false,
  ): Uint8Array {
    if (type === "sigset") return signalSet(value);
    if (type === "timespec" || type === "timeval") {
      return value.kind === "struct" ? this.#struct(task, name, value, addresses) : new Uint8Array(size);
    }
    if (type === "wide" && value.kind === "struct") {
      // An epoll_event's data, printed once as 32 and once as 64 bits.
      return this.#field(
        task,
        name,
        value.fields.at(-1)?.value ?? { kind: "null" },
        type,
        size,
        addresses,
        0,
      );
    }
    const output = this.#filled && (stored || value.kind === "string");
    const word = this.#word(task, name, value, room, output, addresses);
    return wordBytes(Number.isNaN(word) ? 0 : word, size);
  }

  #array(
    task: Task,
    name: string,
    items: readonly StraceArgument[],
    spaced: boolean,
    addresses: AddressMap,
  ): Uint8Array {
    const first = items[0]?.value;
    if (BIT_SETS.test(name)) return bitSet(items);
    if (first === undefined || spaced || first.kind === "name") {
      return signalSet({ kind: "array", items, omitted: false, spaced });
    }
    if (first.kind === "string" || first.kind === "null") {
      const size = this.#arch === "i386" ? 4 : 8;
      const bytes = new Uint8Array((items.length + 1) * size);
      items.forEach(({ value }, at) => {
        bytes.set(wordBytes(this.#word(task, name, value, 0, false, addresses), size), at * size);
      });
      return bytes;
    }
    const parts = items.map(({ value }) =>
      value.kind === "struct"
        ? this.#struct(task, name, value, addresses)
        : wordBytes(addressOrWord(value, addresses), POSITIONS.test(name) ? 8 : 4)
    );
    return concat(parts);
  }

  /** A string with zeros behind it: a path unless a length stands beside it. */
  #putString(task: Task, bytes: Uint8Array, room: number): Addr {
    const { memory } = this.#k;
    const address = this.#reserve(task, Math.max(bytes.length + 1, room));
    if (task.userSpace === null) return address;
    memory.writeBytes(address, bytes);
    memory.fill(address + bytes.length, Math.max(1, Math.min(room, PAGE) - bytes.length), 0);
    return address;
  }

  /** Copies bytes to fresh user memory and gives their address. */
  #put(task: Task, bytes: Uint8Array, room = 0): Addr {
    const address = this.#reserve(task, Math.max(bytes.length, room));
    if (task.userSpace !== null) this.#k.memory.writeBytes(address, bytes);
    return address;
  }

  #reserve(task: Task, size: number): Addr {
    const space = task.userSpace;
    if (space !== null && space.areaAt(this.#start) === undefined) {
      space.map(this.#start, this.#size, PROT_READ_WRITE);
    }
    const rounded = Math.ceil(Math.max(size, 1) / 16) * 16;
    if (rounded <= PAGE && this.#small + rounded <= SMALL - TEXTS) {
      this.#small += rounded;
      return this.#start + this.#small - rounded;
    }
    const pages = Math.ceil(rounded / PAGE) * PAGE;
    if (this.#large + pages > this.#size) this.#large = SMALL;
    this.#large += pages;
    return this.#start + this.#large - pages;
  }
}

/** An array of buffers: the call fills in what they point to, not the array. */
function isVector(value: StraceValue): boolean {
  if (value.kind !== "array") return false;
  const first = value.items[0]?.value;
  return first?.kind === "struct" && first.fields.some(({ name }) => name === "iov_base");
}

/** A message's header: the call fills in what it points to. */
function isMessage(value: StraceValue): boolean {
  return value.kind === "struct" && value.fields.some(({ name }) => name === "msg_iov");
}

function numberOf(
  fields: (StraceValue & { readonly kind: "struct" })["fields"],
  name: string,
): number {
  const value = fields.find((field) => field.name === name)?.value;
  return value?.kind === "number" && value.value >= 0 ? value.value : 0;
}

function addressOrWord(value: StraceValue, addresses: AddressMap): number {
  return value.kind === "number" ? addresses.of(value) : 0;
}

function fieldSize(type: FieldType, word: number, long: number): number {
  switch (type) {
    case "short":
      return 2;
    case "int":
    case "bits":
      return 4;
    case "wide":
    case "sigset":
      return 8;
    case "pointer":
      return word;
    case "long":
      return long;
    case "timespec":
    case "timeval":
      return 2 * long;
  }
}
