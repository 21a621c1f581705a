/**
 * The in-memory file tree: tracefs, debugfs' kprobes folder, and the files of procfs and sysfs that belong to tracing.
 *
 * @module
 */

import {
  EACCES,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
} from "../syscalls/errno.ts";
import type { Kernel } from "../kernel.ts";
import { addBufferFiles } from "./buffer_files.ts";
import { Directory, namesOf, type TraceNode } from "./directory.ts";
import { followForks } from "./fork_following.ts";
import { FollowedFunctions } from "./followed_functions.ts";
import { type ErrnoResult, failed, ok } from "./result.ts";
import { addInstances } from "./instances.ts";
import { addKprobeFiles } from "./kprobe_files.ts";
import { addNameFiles } from "./name_files.ts";
import { addProcFiles } from "./proc_files.ts";
import { addStackFiles } from "./stack_files.ts";
import { Sysctls } from "./sysctls.ts";
import { addFtraceFiles, addTracerFiles } from "./tracer_files.ts";
import { Tracers } from "./tracers.ts";
import { TraceArray } from "./trace_array.ts";
import { TraceEvents } from "./trace_events.ts";

/** Longest name of a file. */
const NAME_MAX = 255;

/** How a file is written. */
export interface WriteOptions {
  /** `>>`: nothing is truncated first. Default false. */
  readonly append?: boolean;
}

/** A name in a directory, with what `ls -l` tells of it. */
export interface ListedFile {
  readonly name: string;
  readonly directory: boolean;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * The files of one kernel, `kernel.tracefs`. Paths are absolute: tracefs is at `/sys/kernel/tracing` and again at
 * `/sys/kernel/debug/tracing`.
 *
 * ```ts
 * import { coreImage } from "../../image/mod.ts";
 * import { Kernel } from "../kernel.ts";
 * import { ShapeLibrary } from "../shapes/library.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const k = new Kernel(await coreImage("x86_64"), ShapeLibrary.empty());
 * k.tracefs.write("/sys/kernel/tracing/trace_marker", "hello\n");
 * const trace = k.tracefs.read("/sys/kernel/tracing/trace");
 * assertEquals(trace.ok && trace.value.endsWith(": tracing_mark_write: hello\n"), true);
 * assertEquals(k.tracefs.read("/sys/kernel/tracing/none"), {
 *   ok: false,
 *   errno: 2,
 *   name: "ENOENT",
 *   message: "No such file or directory",
 * });
 * ```
 */
export class Tracefs {
  /** The root directory. */
  readonly root: Directory = new Directory();
  /** The root of tracefs. */
  readonly tracing: Directory;
  /** The root of debugfs. */
  readonly debug: Directory;
  /** The kernel's own trace array: its buffer, options and tracer. */
  readonly array: TraceArray;
  /** What follows functions in the kernel's own array. */
  readonly tracers: Tracers;
  /** What the tracers of all arrays follow. */
  readonly followed: FollowedFunctions;
  /** Trace events, probe events among them. */
  readonly events: TraceEvents;
  /** Switches of `/proc/sys`. */
  readonly sysctls: Sysctls = new Sysctls();

  readonly #k: Kernel;

  /** Hangs up all files. Made by `Kernel.tracefs` when first asked for. */
  constructor(k: Kernel) {
    this.#k = k;
    const mounts = this.root.directory("sys/kernel");
    this.tracing = mounts.directory("tracing", 0o700, 0o750);
    this.debug = mounts.directory("debug", 0o700, 0o755);
    this.debug.link("tracing", this.tracing);
    this.array = new TraceArray(k);
    this.events = new TraceEvents(k);
    this.followed = new FollowedFunctions(k, this.sysctls);
    this.tracers = new Tracers(k, this.array, this.followed);
    this.#hang(this.array, this.tracing, this.tracers);
    addInstances(this.tracing, k, this.array, (array, directory) => {
      const tracers = new Tracers(k, array, this.followed);
      const close = this.#hang(array, directory, tracers);
      return () => {
        tracers.close();
        close();
      };
    });
    this.events.addDefinitionFiles(this.tracing);
    addFtraceFiles(this.tracing, k, this.tracers, this.followed);
    addStackFiles(this.tracing, k.image);
    addNameFiles(this.tracing, k, this.array.shared.tasks);
    addKprobeFiles(this.debug.directory("kprobes"), k, this.sysctls);
    for (const name of k.release.missingFiles.tracing) this.tracing.remove(name);
    for (const name of k.release.missingFiles.kprobes) this.debug.remove(`kprobes/${name}`);
    addProcFiles(this.root, k, this.sysctls, this.followed);
  }

  /** The trace buffer. */
  get buffer(): TraceArray["buffer"] {
    return this.array.buffer;
  }

  /** The whole text of a file. */
  read(path: string): ErrnoResult<string> {
    const node = this.#find(path);
    if (typeof node === "number") return failed(node);
    if (node.kind === "directory") return failed(EISDIR);
    const text = node.file.read();
    return typeof text === "number" ? failed(-text) : ok(text);
  }

  /** Opens a file for writing, writes `text` in one write(2) and closes it: the bytes taken. Nothing is written for "". */
  write(path: string, text: string, options: WriteOptions = {}): ErrnoResult<number> {
    const node = this.#find(path);
    // Nobody can create files here.
    if (typeof node === "number") return failed(node === ENOENT ? this.#refuseCreation(path) : node);
    if (node.kind === "directory") return failed(EISDIR);
    const { file } = node;
    if (options.append !== true) {
      const result = file.truncate?.() ?? 0;
      if (result < 0) return failed(-result);
    }
    if (text === "") return ok(0);
    if (file.write === undefined) return failed(EINVAL);
    const taken = file.write(text);
    return taken < 0 ? failed(-taken) : ok(taken);
  }

  /** Names in a directory, sorted. */
  list(path: string): ErrnoResult<readonly string[]> {
    const node = this.#find(path);
    if (typeof node === "number") return failed(node);
    return node.kind === "directory" ? ok(node.directory.names()) : failed(ENOTDIR);
  }

  /** What a path leads to. */
  stat(path: string): ErrnoResult<ListedFile> {
    const node = this.#find(path);
    if (typeof node === "number") return failed(node);
    const name = namesOf(path).at(-1) ?? "/";
    return ok(
      node.kind === "directory"
        ? { name, directory: true, mode: node.directory.mode }
        : { name, directory: false, mode: node.file.mode },
    );
  }

  /** Makes a directory, where the kernel allows it: `instances/NAME`. */
  mkdir(path: string): ErrnoResult<0> {
    return this.#changeDirectory(path, (parent, name) => {
      if (parent.child(name) !== undefined) return -EEXIST;
      return parent.operations?.mkdir(name) ?? -EPERM;
    });
  }

  /** Removes a directory that was made so. */
  rmdir(path: string): ErrnoResult<0> {
    return this.#changeDirectory(path, (parent, name) => {
      const child = parent.child(name);
      if (child === undefined) return -ENOENT;
      return child.kind === "file" ? -ENOTDIR : parent.operations?.rmdir(name) ?? -EPERM;
    });
  }

  /** Hangs up what every trace array has; the result takes down what would outlive the directory. */
  #hang(array: TraceArray, directory: Directory, tracers: Tracers): () => void {
    addBufferFiles(directory, array);
    addTracerFiles(directory, array, tracers);
    const closeEvents = this.events.addArrayFiles(directory, array);
    for (const name of this.#k.release.missingFiles.tracing) directory.remove(name);
    const stopFollowing = followForks(this.#k, array, {
      "event-fork": [array.eventPids, array.eventNotracePids],
      "function-fork": [tracers.pids, tracers.notracePids],
    });
    return () => {
      stopFollowing();
      closeEvents();
    };
  }

  #changeDirectory(path: string, change: (parent: Directory, name: string) => number): ErrnoResult<0> {
    const names = namesOf(path);
    const name = names.pop();
    const node = this.#find(names.join("/"));
    if (typeof node === "number") return failed(node);
    if (node.kind !== "directory") return failed(ENOTDIR);
    if (name === undefined) return failed(EBUSY);
    const result = name.length > NAME_MAX ? -ENAMETOOLONG : change(node.directory, name);
    return result < 0 ? failed(-result) : ok(0);
  }

  #find(path: string): TraceNode | number {
    let node: TraceNode = { kind: "directory", directory: this.root };
    for (const name of namesOf(path)) {
      if (node.kind !== "directory") return ENOTDIR;
      const next = node.directory.child(name);
      if (next === undefined) return ENOENT;
      node = next;
    }
    return node;
  }

  #refuseCreation(path: string): number {
    const names = namesOf(path);
    names.pop();
    const parent = this.#find(names.join("/"));
    return typeof parent === "number" ? parent : EACCES;
  }
}
