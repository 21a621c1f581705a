/**
 * Credentials: `struct cred`, and changing them.
 *
 * @module
 */

import { behaviour, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { CAPS } from "./capability.ts";
import { sizeOfStruct } from "./objects.ts";
import { CRED, type Task } from "./task.ts";

/** A forked task has its parent's ids and capabilities (`copy_creds`). */
export function copyCred(k: Kernel, from: Task, to: Task): void {
  const usage = CRED.usage.get(k, to.cred);
  k.memory.writeBytes(to.cred, k.memory.readBytes(from.cred, sizeOfStruct(k, "cred")));
  CRED.usage.set(k, to.cred, usage);
}

/** The running task's new ids are in force. (cred) */
export const COMMIT_CREDS: FunctionRef = behaviour("commit_creds", [], () => 0);

/** Capabilities that go with a change of user ids: root's go with the last id 0, those in force with the effective one. */
export function fixCapabilities(
  k: Kernel,
  task: Task,
  old: { readonly uid: number; readonly euid: number; readonly suid: number },
): void {
  const { cred } = task;
  const ids = [CRED.uid, CRED.euid, CRED.suid].map((id) => id.get(k, cred));
  const set = (at: number, caps: bigint): void => k.memory.writeBig(at, 8, caps);
  const wasRoot = old.uid === 0 || old.euid === 0 || old.suid === 0;
  if (wasRoot && !ids.includes(0)) {
    set(CAPS.permitted.at(k, cred), 0n);
    set(CAPS.effective.at(k, cred), 0n);
    set(CAPS.ambient.at(k, cred), 0n);
  }
  const euid = CRED.euid.get(k, cred);
  if (old.euid === 0 && euid !== 0) set(CAPS.effective.at(k, cred), 0n);
  if (old.euid !== 0 && euid === 0) {
    set(CAPS.effective.at(k, cred), k.memory.readBig(CAPS.permitted.at(k, cred), 8, false));
  }
}
