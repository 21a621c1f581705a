/**
 * Capture: from the source of an arrow function to the graph's expressions and statements.
 *
 * @module
 */

export { captureHandler, captureValue, MAX_NODES, shown } from "./capture.ts";
export type { Captured, Opaque, UserFunction } from "./capture.ts";
export { MAX_SOURCE } from "./parse.ts";
export type { Values } from "./scope.ts";
