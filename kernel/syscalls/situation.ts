/**
 * What is known of the system call that a task is in, as far as recorded variants are chosen by it: which call it is, its
 * arguments, its recorded result, and what it works on.
 *
 * @module
 */

import { featureOf, type Situation } from "../calls/decision.ts";
import { hashName } from "../calls/kernel_function.ts";
import { type FileOperations, SIMPLE_DIR } from "../fs/fileops.ts";
import { FS } from "../fs/fs_struct.ts";
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

/** A task's: one object serves all its calls. It says what was so when the call began, whenever it is asked. */
export class SyscallSituation implements Situation {
  readonly #k: Kernel;
  readonly #task: Task;
  #request: SyscallRequest | null = null;
  #facts: CallFacts | null = null;
  #areas = 0;
  #operations: FileOperations | null = null;

  constructor(k: Kernel, task: Task) {
    this.#k = k;
    this.#task = task;
  }

  /** A call begins. */
  begin(request: SyscallRequest, facts: CallFacts, operations: FileOperations | null): void {
    this.#request = request;
    this.#facts = facts;
    this.#operations = operations;
    const { mm } = this.#task;
    this.#areas = mm === 0 ? 0 : MM.mapCount.get(this.#k, mm);
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
        return featureOf(request.recorded?.ret ?? (facts.transfers ? request.args[2] ?? NaN : 0));
      case AREAS:
        return this.#areas;
      case OPERATIONS:
        // Not of a descriptor, or of one that isn't open: what is known is where the task is.
        return this.#operations === null ? this.#directory() : hashed(this.#operations.symbol);
      default:
        // Which number a descriptor has tells nothing.
        return index === FIRST_ARGUMENT && facts.onDescriptor
          ? 0
          : featureOf(request.args[index - FIRST_ARGUMENT] ?? NaN);
    }
  }

  /** The operations of the current directory: they tell its file system. */
  #directory(): number {
    const k = this.#k;
    const { fs } = this.#task;
    const ops = fs === 0 ? undefined : k.vfs.dentries.get(FS.pwdDentry.get(k, fs))?.inode?.ops;
    return ops === undefined || ops === SIMPLE_DIR ? 0 : hashed(ops.symbol);
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
