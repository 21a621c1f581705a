/**
 * A kernel function as one kernel has it: its symbol and address, its behaviour, what is armed on it.
 *
 * @module
 */

import type { Addr, CallSite, FunctionInfo } from "../../image/model.ts";
import type { Convention } from "./armed.ts";
import type { Behaviour } from "./function.ts";
import type { FunctionHooks, FunctionTracer } from "./hooks.ts";
import type { ShapeNode } from "../shapes/library.ts";
import type { PlanSpace } from "./plan.ts";
import { Listing } from "./listing.ts";
import type { Way } from "./sites.ts";

/** What the engine is told when something is armed or disarmed. */
export interface ArmingObserver {
  /** `fn.watched`, or what watches it, has changed. */
  armingChanged(fn: KernelFunction): void;
}

/** One function of one kernel. */
export class KernelFunction {
  /** Name by which behaviours call it: without compiler suffixes. */
  readonly base: string;
  /** Name of its symbol in this kernel; the base name where it has none. */
  readonly name: string;
  readonly address: Addr;
  /** False where this kernel has no such function (inlined): its body then runs without a frame. */
  readonly visible: boolean;
  readonly behaviour: Behaviour | null;
  /** Number of the function among those of its kernel that were asked for. */
  readonly id: number;
  /** Id in the shape library, or -1. */
  readonly shape: number;
  /** Hash of the base name: the part of random keys that is the function's own. */
  readonly hash: number;
  /** Bytes of stack that a call of it takes: an estimate, multiple of 16. */
  readonly frameSize: number;
  /** How recorded calls fit around the behaviour's own; undefined until first used. */
  plans: PlanSpace | null | undefined = undefined;
  /** The arming for which `quiet` was found out. */
  quietAt = 0;
  /** Whether nothing that is armed is hit between the calls that its behaviour makes. */
  quiet = false;
  /** What becomes of its calls while time is left open: see `Listing`. */
  readonly listing: Listing = new Listing();
  /** A recorded call of it whose result is every one's; undefined: not yet looked for. */
  sameResult: ShapeNode | "none" | "differs" | undefined = undefined;
  /** Whether its arguments tell recorded variants apart; undefined: not yet known. */
  decides: boolean | undefined = undefined;
  /** How it takes arguments; null until it is first armed. */
  convention: Convention | null = null;
  /** Ways to callees by this function's text, as far as they were asked for. */
  readonly ways: Map<KernelFunction, Way> = new Map();
  /** The latest of them that was asked for. */
  lastCallee: KernelFunction | null = null;
  lastWay: Way | null = null;

  readonly #nominal: () => number;
  readonly #nargs: () => number;
  readonly #info: FunctionInfo | undefined;
  readonly #observer: ArmingObserver;
  /** Whether anything is armed on it or traces it. */
  watched = false;
  #hooks: FunctionHooks | null = null;
  #tracer: FunctionTracer | null = null;

  constructor(
    names: { readonly base: string; readonly name: string },
    info: FunctionInfo | undefined,
    facts: {
      readonly address: Addr;
      readonly visible: boolean;
      readonly nargs: () => number;
      readonly shape: number;
      readonly nominal: () => number;
      readonly id: number;
    },
    behaviour: Behaviour | null,
    observer: ArmingObserver,
  ) {
    this.base = names.base;
    this.name = names.name;
    this.#info = info;
    this.address = facts.address;
    this.visible = facts.visible;
    this.#nargs = facts.nargs;
    this.shape = facts.shape;
    this.id = facts.id;
    this.#nominal = facts.nominal;
    this.behaviour = behaviour;
    this.#observer = observer;
    this.hash = hashName(names.base);
    this.frameSize = 64 + (this.hash & 7) * 16;
  }

  /** Arguments by its prototype, at most 12; 6 where the image has none. */
  get nargs(): number {
    return this.#nargs();
  }

  /** Mean recorded nanoseconds of a call, 0 where no recording shows it. */
  get nominal(): number {
    return this.#nominal();
  }

  /** What is armed on it, or null. Setting it tells the engine. */
  get hooks(): FunctionHooks | null {
    return this.#hooks;
  }

  set hooks(hooks: FunctionHooks | null) {
    if (hooks === this.#hooks) return;
    this.#hooks = hooks;
    this.#changed();
  }

  /** Who is told of its calls without seeing registers, or null. Setting it tells the engine. */
  get tracer(): FunctionTracer | null {
    return this.#tracer;
  }

  set tracer(tracer: FunctionTracer | null) {
    if (tracer === this.#tracer) return;
    this.#tracer = tracer;
    this.#changed();
  }

  #changed(): void {
    this.watched = this.#hooks !== null || this.#tracer !== null;
    this.#observer.armingChanged(this);
  }

  /** Call instructions of its text; none where the image has no text for it. */
  callSites(): readonly CallSite[] {
    return this.#info?.callSites() ?? [];
  }
}

/** A 32-bit hash (FNV-1a) of a name. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash | 0;
}
