/**
 * The inflater of deflated images. It is loaded on demand: loading it takes longer than opening a core image, which
 * needs none.
 *
 * @module
 */

/** Inflates raw deflate data. */
export type Inflater = (packed: Uint8Array) => Uint8Array;

let loaded: Inflater | undefined;

/** Loads the inflater; chunks of deflated images can be read once this has resolved. */
export async function loadInflater(): Promise<void> {
  loaded ??= (await import("node:zlib")).inflateRawSync;
}

/** The loaded inflater. Throws where `loadInflater` was not awaited: images are opened through `openImage`. */
export function inflater(): Inflater {
  if (loaded === undefined) throw new Error("Cannot inflate before loadInflater() has resolved");
  return loaded;
}
