/**
 * Asks a function's decision tree about one call.
 *
 * @module
 */

import type { Task } from "../process/task.ts";
import type { ShapeLibrary } from "../shapes/library.ts";
import { CALLER, type Decision, featureOf, holds, OWN_ARGUMENTS, SITUATION } from "./decision.ts";
import type { Frame } from "./frame.ts";

/** What the recordings show in the situation of a call; null where nothing tells its variants apart. */
export function decide(library: ShapeLibrary, task: Task, frame: Frame): Decision | null {
  const root = library.decision(frame.fn.shape);
  if (root === null) return null;
  let at: Decision = root;
  for (;;) {
    const next = holds(at.test, at.value, valueOf(task, frame, at.feature)) ? at.yes : at.no;
    if (next === null) return at;
    at = next;
  }
}

function valueOf(task: Task, frame: Frame, feature: number): number {
  if (feature < 0) return NaN;
  if (feature < OWN_ARGUMENTS) {
    return feature < frame.nargs ? featureOf(frame.words[feature] as number) : NaN;
  }
  if (feature === CALLER) return frame.caller;
  return task.situation === null ? NaN : task.situation.feature(feature - SITUATION);
}
