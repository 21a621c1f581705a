/**
 * What is known of the system call that a task is in, as far as recorded variants are chosen by it: which call it is, its
 * arguments, its recorded result, and what it works on.
 *
 * @module
 */

import { featureOf, type Situation } from "../calls/decision.ts";
import { hashName } from "../calls/kernel_function.ts";
import { fdFile } from "../fs/files_struct.ts";
import type { Kernel } from "../kernel.ts";
import { MM } from "../mm/fields.ts";
import type { Task } from "../process/task.ts";
import type { CallFacts } from "./call_facts.ts";
import type { SyscallRequest } from "./request.ts";

const NAME = 0;
const RESULT = 1;
const FIRST_ARGUMENT = 2;
const AREAS = 8;
const OPERATIONS = 9;

const names = new Map<string, number>();

/** A task's: one object serves all its calls, each feature is worked out when it is first asked for. */
export class SyscallSituation implements Situation {
  readonly #k: Kernel;
  readonly #task: Task;
  #request: SyscallRequest | null = null;
  #facts: CallFacts | null = null;
  #areas = NaN;
  #operations = NaN;

  constructor(k: Kernel, task: Task) {
    this.#k = k;
    this.#task = task;
  }

  /** A call begins. */
  begin(request: SyscallRequest, facts: CallFacts): void {
    this.#request = request;
    this.#facts = facts;
    this.#areas = facts.replacesMemory ? this.#countAreas() : NaN;
    this.#operations = NaN;
  }

  /** See `Situation`. */
  feature(index: number): number {
    const request = this.#request;
    const facts = this.#facts;
    if (request === null || facts === null) return NaN;
    switch (index) {
      case NAME:
        return facts.nameHash;
      case RESULT:
        return featureOf(request.recorded?.ret ?? NaN);
      case AREAS:
        return this.#areas === this.#areas ? this.#areas : this.#areas = this.#countAreas();
      case OPERATIONS:
        return this.#operations === this.#operations
          ? this.#operations
          : this.#operations = facts.onDescriptor ? this.#fileOperations(request.args[0] ?? -1) : 0;
      default:
        // Which number a descriptor has tells nothing.
        return index === FIRST_ARGUMENT && facts.onDescriptor
          ? 0
          : featureOf(request.args[index - FIRST_ARGUMENT] ?? NaN);
    }
  }

  /** Areas of the address space. */
  #countAreas(): number {
    const { mm } = this.#task;
    return mm === 0 ? 0 : MM.mapCount.get(this.#k, mm);
  }

  /** The operations of an open file, 0 where there is none. */
  #fileOperations(fd: number): number {
    const ops = this.#k.vfs.files.get(fdFile(this.#k, this.#task.files, fd))?.ops;
    return ops === undefined || ops === null ? 0 : hashed(ops.symbol);
  }
}

function hashed(name: string): number {
  let hash = names.get(name);
  if (hash === undefined) {
    hash = hashName(name);
    names.set(name, hash);
  }
  return hash;
}
