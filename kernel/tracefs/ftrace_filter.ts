/**
 * Lists of functions that users write: `set_ftrace_filter`, `set_ftrace_notrace`, `set_graph_function`.
 *
 * @module
 */

import type { KernelImage } from "../../image/model.ts";
import { EINVAL } from "../syscalls/errno.ts";
import type { TraceFile } from "./file.ts";
import { matchingFunctions, nameOf, ownerOf } from "./function_match.ts";

/** What follows a function's name behind a colon: `FUNC:COMMAND[:PARAM]`. */
export interface FunctionCommands {
  /** 0 or -errno. */
  run(functions: string, command: string, param: string | undefined): number;
  /** Lines of the file that tell of them. */
  readonly lines: readonly string[];
}

/** What a list of functions may have. */
export interface FilterOptions {
  /** It takes `:mod:NAME`. */
  readonly takesModules?: boolean;
  /** It takes these commands. */
  readonly commands?: FunctionCommands;
}

/** Functions of a module that isn't there yet. */
interface ModuleWish {
  readonly functions: string;
  readonly module: string;
}

/** A set of functions; empty stands for none chosen. */
export class FunctionFilter {
  readonly #image: KernelImage;
  readonly #chosen = new Set<string>();
  readonly #emptyText: string;
  readonly #changed: () => void;
  readonly #options: FilterOptions;
  /** The newest first. */
  #wishes: ModuleWish[] = [];

  /** `emptyText` is the file's text while nothing is chosen; `changed` runs after each change. */
  constructor(image: KernelImage, emptyText: string, changed: () => void, options: FilterOptions = {}) {
    this.#image = image;
    this.#emptyText = emptyText;
    this.#changed = changed;
    this.#options = options;
  }

  /** Whether nothing is chosen. */
  get empty(): boolean {
    return this.#chosen.size === 0;
  }

  /** Whether a function is chosen. */
  has(name: string): boolean {
    return this.#chosen.has(name);
  }

  /** The file. */
  file(mode = 0o644): TraceFile {
    return {
      mode,
      read: () => this.#text(),
      write: (text) => this.#write(text),
      truncate: () => {
        this.#chosen.clear();
        this.#wishes = [];
        this.#changed();
        return 0;
      },
    };
  }

  /** `process_cached_mods`: a module comes, of which functions were asked for before. */
  moduleComing(module: string): void {
    const wishes = this.#wishes.filter((wish) => wish.module === module);
    if (wishes.length === 0) return;
    this.#wishes = this.#wishes.filter((wish) => wish.module !== module);
    for (const { functions } of wishes) this.#choose(functions, module);
    this.#changed();
  }

  /** Each word chooses functions, or with `!` before it takes them out. Words before a wrong one count. */
  #write(text: string): number {
    let result = text.length;
    for (const word of text.split(/\s+/)) {
      const failed = word === "" ? 0 : this.#process(word);
      if (failed < 0) {
        result = failed;
        break;
      }
    }
    this.#changed();
    return result;
  }

  /** `ftrace_process_regex` */
  #process(word: string): number {
    const [functions = "", command, ...rest] = word.split(":");
    if (command === undefined) return this.#choose(functions) ? 0 : -EINVAL;
    const param = rest.length === 0 ? undefined : rest.join(":");
    if (command === "mod" && this.#options.takesModules === true) {
      return this.#chooseInModule(functions, param);
    }
    return this.#options.commands?.run(functions, command, param) ?? -EINVAL;
  }

  /** `ftrace_mod_callback`: what a module that isn't loaded would have is kept until it is. */
  #chooseInModule(functions: string, module: string | undefined): number {
    if (module === undefined) return -EINVAL;
    if (this.#choose(functions, module)) return 0;
    if (functions.startsWith("!")) {
      const dropped = functions.slice(1);
      const left = this.#wishes.filter((wish) =>
        wish.module !== module || (dropped !== "*" && wish.functions !== dropped)
      );
      const found = left.length < this.#wishes.length;
      this.#wishes = left;
      return found ? 0 : -EINVAL;
    }
    if (this.#image.filterFunctions().some((line) => ownerOf(line) === module)) return -EINVAL;
    this.#wishes.unshift({ functions, module });
    return 0;
  }

  #choose(word: string, module?: string): boolean {
    const not = word.startsWith("!");
    const names = matchingFunctions(this.#image, not ? word.slice(1) : word, module);
    for (const name of names) {
      if (not) this.#chosen.delete(name);
      else this.#chosen.add(name);
    }
    return names.length > 0;
  }

  #text(): string {
    const chosen = this.empty
      ? [this.#emptyText]
      : this.#image.filterFunctions().filter((line) => this.#chosen.has(nameOf(line)));
    const wishes = this.#wishes.map(({ functions, module }) => `${functions}:mod:${module}`);
    const commands = this.#options.commands?.lines ?? [];
    return [...chosen, ...wishes, ...commands].map((line) => `${line}\n`).join("");
  }
}
