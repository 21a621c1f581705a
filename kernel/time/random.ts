/**
 * Randomness by key: what is asked decides the answer, not how many questions came before. Watching more or less
 * therefore changes nothing.
 *
 * @module
 */

/** Keyed random numbers of one seed. Keys are integers within ±2^53; the same keys always give the same number. */
export class KeyedRandom {
  readonly seed: number;
  readonly #start: number;

  constructor(seed: number) {
    this.seed = seed;
    this.#start = mix(mix(0x9e3779b9, seed | 0), Math.floor(seed / 0x100000000) | 0);
  }

  /** 32 random bits. */
  u32(k1: number, k2 = 0, k3 = 0, k4 = 0): number {
    let h = this.#start;
    h = key(h, k1);
    h = key(h, k2);
    h = key(h, k3);
    h = key(h, k4);
    return finish(h);
  }

  /** A number from 0 up to but not including 1, with 53 random bits. */
  float(k1: number, k2 = 0, k3 = 0, k4 = 0): number {
    const high = this.u32(k1, k2, k3, k4) >>> 5;
    const low = finish(key(this.#start ^ 0x5bd1e995, key(key(key(key(0, k1), k2), k3), k4))) >>> 6;
    return (high * 0x4000000 + low) / 0x20000000000000;
  }

  /** An integer from 0 up to but not including `limit` (at most 2^32). */
  below(limit: number, k1: number, k2 = 0, k3 = 0, k4 = 0): number {
    return Math.floor(this.u32(k1, k2, k3, k4) / 0x100000000 * limit);
  }
}

/** A key made of text, so that places can be named: `random.below(n, keyOf("pick_cpu"), pid)`. */
export function keyOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return finish(h);
}

function key(h: number, k: number): number {
  return mix(mix(h, k | 0), Math.floor(k / 0x100000000) | 0);
}

function mix(h: number, k: number): number {
  k = Math.imul(k, 0xcc9e2d51);
  k = (k << 15) | (k >>> 17);
  h ^= Math.imul(k, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

function finish(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
