/**
 * The run that a function is part of while it runs as it is: `print`, `exit` and maps reach it from here.
 *
 * @module
 */

import { type LiveMap, MAP_OF } from "../graph/maps/live_map.ts";
import type { Printable } from "./context.ts";

/** What a context offers to functions that have not got it at hand. */
interface Running {
  print(...values: Printable[]): void;
  exit(code?: number): never;
}

let running: Running | undefined;

/** The context of the function that runs now. */
export function runningContext(what: string): Running {
  if (running !== undefined) return running;
  throw new TypeError(`Cannot ${what} here: that is for the functions of probes, while they run`);
}

/** A map of the program that runs now. */
export function runningMap(name: string): LiveMap {
  const find: unknown = Reflect.get(runningContext(`use the map "@${name}"`), MAP_OF);
  const map: unknown = typeof find === "function" ? find(name) : undefined;
  if (map !== undefined) return map as LiveMap;
  throw new TypeError(
    `No map "@${name}" in this program: give it to one of its probes with .with({ ${name} })`,
  );
}

/** Runs a function so that `print` and maps inside it are those of the given context. */
export function runningIn<T>(context: Running, run: () => T): T {
  const before = running;
  running = context;
  try {
    return run();
  } finally {
    running = before;
  }
}
