/**
 * Functions of the C library that programs written here call, as far as their callers or the kernel notice: memory of the
 * heap, output, files, name look-ups. Each runs at its own address, under its caller's frame.
 *
 * @module
 */

import type { Steps } from "../program.ts";
import type { Sys } from "../sys.ts";

/** Bytes that the heap grows by when it is used up. */
const HEAP_STEP = 0x21000;
/** Words before each piece: its size. */
const HEADER = 16;
/** Pieces of this size and more are mapped for themselves (`M_MMAP_THRESHOLD`). */
const MMAP_THRESHOLD = 131072;
/** What `FILE` takes. */
const FILE_SIZE = 472;

/** The heap of one program: free pieces by size, and what was never used. */
export class Heap {
  #top = 0;
  #end = 0;
  readonly #sizes = new Map<number, number>();
  readonly #free = new Map<number, number[]>();

  /** Pieces that are in use. */
  get live(): number {
    return this.#sizes.size;
  }

  /** The program was replaced. */
  reset(): void {
    this.#top = 0;
    this.#end = 0;
    this.#sizes.clear();
    this.#free.clear();
  }

  /** A copy, for a fork's child. */
  copyFrom(other: Heap): void {
    this.#top = other.#top;
    this.#end = other.#end;
    for (const [at, size] of other.#sizes) this.#sizes.set(at, size);
    for (const [size, list] of other.#free) this.#free.set(size, list.slice());
  }

  /** Size of a piece. */
  sizeOf(address: number): number {
    return this.#sizes.get(address) ?? 0;
  }

  /** A piece of `size` bytes; 0 where memory is used up. */
  *take(sys: Sys, size: number): Steps<number> {
    const rounded = Math.max(16, Math.ceil(size / 16) * 16);
    if (rounded >= MMAP_THRESHOLD) {
      const bytes = Math.ceil((rounded + HEADER) / 4096) * 4096;
      const at = yield* sys.mmap(bytes, "PROT_READ|PROT_WRITE", "MAP_PRIVATE|MAP_ANONYMOUS");
      if (at < 0 && at >= -4095) return 0;
      sys.poke(at);
      this.#sizes.set(at + HEADER, bytes - HEADER);
      return at + HEADER;
    }
    let at = this.#free.get(rounded)?.pop();
    if (at === undefined) {
      if (this.#top + rounded + HEADER > this.#end && !(yield* this.#grow(sys, rounded))) return 0;
      at = this.#top + HEADER;
      this.#top += rounded + HEADER;
    }
    this.#sizes.set(at, rounded);
    // The size stands before the piece.
    sys.poke(at - HEADER);
    return at;
  }

  *#grow(sys: Sys, wanted: number): Steps<boolean> {
    if (this.#end === 0) {
      const { start, end } = sys.heap;
      this.#top = start > 0 ? start : yield* sys.brk();
      this.#end = start > 0 ? end : this.#top;
      if (this.#top + wanted + HEADER <= this.#end) return true;
    }
    const end = this.#top + Math.max(HEAP_STEP, Math.ceil((wanted + HEADER) / 4096) * 4096);
    if ((yield* sys.brk(end)) < end) return false;
    this.#end = end;
    return true;
  }

  /** Gives a piece back. */
  *give(sys: Sys, address: number): Steps<void> {
    const size = this.#sizes.get(address);
    if (size === undefined) return;
    this.#sizes.delete(address);
    if (size + HEADER >= MMAP_THRESHOLD) yield* sys.munmap(address - HEADER, size + HEADER);
    else {
      const list = this.#free.get(size);
      if (list === undefined) this.#free.set(size, [address]);
      else list.push(address);
    }
  }
}

/** The functions, for one program. */
export class Libc {
  readonly #sys: Sys;
  /** Its heap. */
  readonly heap: Heap = new Heap();

  /** For the program that makes its calls through `sys`. */
  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /** `malloc`: the address of `size` bytes, or 0. */
  *malloc(size: number): Steps<number> {
    return yield* this.#sys.inLibc("malloc", [size], () => this.heap.take(this.#sys, size));
  }

  /** `calloc`: `count` zeroed elements of `size` bytes, or 0. */
  *calloc(count: number, size: number): Steps<number> {
    return yield* this.#sys.inLibc("calloc", [count, size], () => this.heap.take(this.#sys, count * size));
  }

  /** `realloc`: the piece's new address, or 0. */
  *realloc(address: number, size: number): Steps<number> {
    const { heap } = this;
    const sys = this.#sys;
    return yield* sys.inLibc("realloc", [address, size], function* () {
      if (address !== 0 && heap.sizeOf(address) >= size) return address;
      const moved = yield* heap.take(sys, size);
      yield* heap.give(sys, address);
      return moved;
    });
  }

  /** `free`. */
  *free(address: number): Steps<void> {
    const { heap } = this;
    const sys = this.#sys;
    yield* sys.inLibc("free", [address], function* () {
      yield* heap.give(sys, address);
      return 0;
    });
  }

  /** `puts`: writes a line to standard output; a number that is not negative, or -1. */
  *puts(line: string): Steps<number> {
    const sys = this.#sys;
    return yield* sys.inLibc("puts", [sys.textAt(line)], function* () {
      const written = yield* sys.write(1, `${line}\n`);
      return written < 0 ? -1 : written;
    });
  }

  /** `fopen`: what stands for the `FILE`, and its descriptor; null where the file does not open. */
  *fopen(path: string, mode = "r"): Steps<{ readonly file: number; readonly fd: number } | null> {
    const sys = this.#sys;
    let fd = -1;
    const file = yield* sys.inLibc("fopen", [sys.textAt(path), sys.textAt(mode, 1)], () => {
      const { heap } = this;
      return (function* () {
        const piece = yield* heap.take(sys, FILE_SIZE);
        fd = yield* sys.open(path, mode.startsWith("w") ? "O_WRONLY|O_CREAT|O_TRUNC" : "O_RDONLY");
        if (fd >= 0) return piece;
        yield* heap.give(sys, piece);
        return 0;
      })();
    });
    return file === 0 ? null : { file, fd };
  }

  /** `fclose`. */
  *fclose(file: { readonly file: number; readonly fd: number }): Steps<number> {
    const sys = this.#sys;
    const { heap } = this;
    return yield* sys.inLibc("fclose", [file.file], function* () {
      const result = yield* sys.close(file.fd);
      yield* heap.give(sys, file.file);
      return result < 0 ? -1 : 0;
    });
  }

  /** `getaddrinfo` of a host: reads `/etc/hosts`, then waits for an answer that takes `ns` nanoseconds. 0 for found. */
  *getaddrinfo(host: string, ns: number): Steps<number> {
    const sys = this.#sys;
    return yield* sys.inLibc("getaddrinfo", [sys.textAt(host), 0, 0, 0], function* () {
      const fd = yield* sys.open("/etc/hosts", "O_RDONLY|O_CLOEXEC");
      if (fd >= 0) {
        yield* sys.read(fd, 4096);
        yield* sys.close(fd);
      }
      yield* sys.nanosleep(ns);
      return 0;
    });
  }
}
