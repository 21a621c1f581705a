/**
 * A small shell as a modeled program: it and the programs it starts make the system calls that busybox makes for the
 * same commands, so that probes see what they saw on the real machine.
 *
 * @module
 */

import type { Steps } from "../../workloads/program.ts";
import type { Sys } from "../../workloads/sys.ts";
import { parseShell, type Pipeline, type SimpleCommand } from "./grammar.ts";
import { columns, longListing } from "./listing.ts";
import type { Machine } from "./machine.ts";
import { errnoText, resultText } from "./errno_line.ts";
import { runSysx } from "./sysx.ts";
import { filesOf, isTool, runTool } from "./tools.ts";
import { MOUNTS } from "./tree.ts";

/** Bytes that busybox copies at once. */
const COPY = 65536;
/** Bytes that the C library reads at once. */
const STDIO = 4096;

/** A descriptor that gives as many bytes as are asked for: stands for a pipe whose writer is done. */
const PIPE = 63;

/** Where a program's output goes. */
interface Sink {
  readonly fd: number;
  /** The file that it was redirected to. */
  readonly file?: string;
  /** A terminal gets line by line what anything else gets in blocks. */
  readonly tty: boolean;
  take(text: string): void;
}

/** Where a program's input comes from. */
type Source =
  | { readonly kind: "none" }
  | { readonly kind: "pipe"; readonly text: string }
  | { readonly kind: "file"; readonly path: string };

/** The shell that a recording is typed into. */
export class Shell {
  /** Variables of the recorded script. */
  readonly variables: Record<string, string> = {
    T: "/sys/kernel/tracing",
    E: "/sys/kernel/tracing/events/kprobes",
    K: "/sys/kernel/debug/kprobes",
  };
  readonly #machine: Machine;
  readonly #sys: Sys;
  #printed = "";
  /** Programs in the background that nobody has waited for. */
  #running = 0;

  constructor(machine: Machine, sys: Sys) {
    this.#machine = machine;
    this.#sys = sys;
  }

  /** Opens what the shell has open from the start. */
  *begin(): Steps<void> {
    const fd = yield* this.#sys.open("/dev/zero");
    yield* this.#sys.dup2(fd, PIPE);
    yield* this.#sys.close(fd);
  }

  /** What was printed since it was last taken. */
  taken(): string {
    const printed = this.#printed;
    this.#printed = "";
    return printed;
  }

  /** Prints a line on the terminal, as the script that was recorded does: one write. */
  *print(line: string): Steps<void> {
    yield* this.#sys.write(1, `${line}\n`);
  }

  /** Prints a line that belongs to a command's output. */
  *say(line: string): Steps<void> {
    yield* this.#emit(this.#sys, this.#terminal(), `${line}\n`, "whole");
  }

  /** Runs a command line; the exit status of its last command. */
  *run(text: string): Steps<number> {
    let status = 0;
    for (const pipeline of parseShell(text, this.variables)) status = yield* this.#pipeline(pipeline);
    return status;
  }

  /** Opens, writes once and closes in a program of its own, which prints the result. */
  *writeOnce(path: string, text: string, truncate: boolean): Steps<number> {
    let failed = 0;
    yield* this.#child(
      "sysx",
      ["w", path],
      function* (this: Shell, sys: Sys): Steps<number> {
        const flag = truncate ? "O_TRUNC" : "O_APPEND";
        const fd = yield* this.#open(sys, path, `O_WRONLY|${flag}`);
        let line: string;
        if (fd < 0) line = resultText(`open(${path}, O_WRONLY|${flag})`, fd);
        else {
          const bytes = `${text}\n`;
          const result = yield* sys.write(fd, bytes);
          line = resultText(`write(${bytes.length} bytes)`, result);
          if (result < 0) failed = 1;
          yield* sys.close(fd);
        }
        if (fd < 0) failed = 1;
        yield* this.#emit(sys, this.#terminal(), `${line}\n`, "whole");
        return 0;
      }.bind(this),
    );
    return failed;
  }

  *#pipeline(pipeline: Pipeline): Steps<number> {
    let source: Source = { kind: "none" };
    let status = 0;
    const last = pipeline.commands.length - 1;
    for (const [at, command] of pipeline.commands.entries()) {
      let text = "";
      const sink: Sink = at === last
        ? this.#terminal()
        : { fd: 1, tty: false, take: (more) => void (text += more) };
      status = yield* this.#command(command, source, sink);
      source = { kind: "pipe", text };
    }
    if (pipeline.timed) {
      yield* this.#emit(
        this.#sys,
        this.#terminal(),
        "real\t0m 0.00s\nuser\t0m 0.00s\nsys\t0m 0.00s\n",
        "whole",
      );
    }
    return status;
  }

  *#command(command: SimpleCommand, input: Source, output: Sink): Steps<number> {
    let source = input;
    let sink = output;
    const opened: number[] = [];
    for (const { kind, file } of command.redirects) {
      if (kind === "2>") continue;
      if (kind === "<") {
        source = { kind: "file", path: file };
        continue;
      }
      const flags = kind === ">" ? "O_WRONLY|O_CREAT|O_TRUNC" : "O_WRONLY|O_CREAT|O_APPEND";
      const fd = yield* this.#open(this.#sys, file, flags);
      if (fd < 0) {
        const why = fd === -2 ? "nonexistent directory" : errnoText(fd);
        yield* this.#complain(`/tests.sh: eval: line 3: can't create ${file}: ${why}`);
        return 1;
      }
      opened.push(fd);
      sink = { fd, file, tty: false, take: () => {} };
    }
    const status = yield* this.#execute(command.words, source, sink);
    for (const fd of opened) yield* this.#sys.close(fd);
    return status;
  }

  *#execute(words: readonly string[], source: Source, sink: Sink): Steps<number> {
    const [name = ":", ...args] = words;
    switch (name) {
      case ":":
        return 0;
      case "echo":
        return yield* this.#echo(args, sink);
      case "wr":
        return yield* this.writeOnce(args[0] ?? "", args.slice(1).join(" "), false);
      case "sysx&":
        yield* this.#background(args);
        return 0;
      case "wait":
        yield* this.#waitAll();
        return 0;
      case "dmesg":
      case "cat":
      case "ls":
      case "nproc":
      case "uname":
      case "sleep":
      case "mkdir":
      case "rmdir":
      case "adduser":
      case "su":
      case "sysx":
      case "sh":
        return yield* this.#external(name, args, source, sink);
      default:
        if (isTool(name)) return yield* this.#external(name, args, source, sink);
        yield* this.#complain(`/tests.sh: eval: line 3: ${name}: not found`);
        return 127;
    }
  }

  *#echo(args: readonly string[], sink: Sink): Steps<number> {
    const bare = args[0] === "-n";
    const text = (bare ? args.slice(1) : args).join(" ") + (bare ? "" : "\n");
    const result = yield* this.#sys.write(sink.fd, text);
    if (result >= 0) {
      sink.take(text);
      return 0;
    }
    yield* this.#complain(`/tests.sh: eval: line 3: write error: ${errnoText(result)}`);
    return 1;
  }

  *#external(name: string, args: readonly string[], source: Source, sink: Sink): Steps<number> {
    let status = 0;
    const body = this.#program(name, args, source, { ...sink, fd: 1 });
    yield* this.#child(name, args, function* (sys: Sys): Steps<number> {
      if (sink.fd > 2) {
        yield* sys.dup2(sink.fd, 1);
        yield* sys.close(sink.fd);
      }
      status = yield* body(sys);
      return status;
    });
    return status;
  }

  /** Forks, executes, and waits for it to end. */
  *#child(name: string, args: readonly string[], body: (sys: Sys) => Steps<number>): Steps<void> {
    yield* this.#sys.fork(this.#started(name, args, body));
    yield* this.#sys.wait();
  }

  #started(name: string, args: readonly string[], body: (sys: Sys) => Steps<number>) {
    return function* (sys: Sys): Steps<number> {
      yield* sys.execve(`/bin/${name}`, [name, ...args]);
      return yield* body(sys);
    };
  }

  *#background(args: readonly string[]): Steps<void> {
    this.#running++;
    yield* this.#sys.fork(this.#started("sysx", args, (sys) => runSysx(sys, args, () => nothing())));
  }

  *#waitAll(): Steps<void> {
    for (; this.#running > 0; this.#running--) yield* this.#sys.wait();
  }

  #program(
    name: string,
    args: readonly string[],
    source: Source,
    sink: Sink,
  ): (sys: Sys) => Steps<number> {
    switch (name) {
      case "cat":
        return (sys) => this.#cat(sys, args, source, sink);
      case "ls":
        return (sys) => this.#ls(sys, args, sink);
      case "sleep":
        return function* (sys): Steps<number> {
          yield* sys.nanosleep(Number(args[0]) * 1e9);
          return 0;
        };
      case "mkdir":
      case "rmdir":
        return (sys) => this.#directory(sys, name, args[0] ?? "");
      case "sysx":
        return (sys) => runSysx(sys, args, (line) => this.#emit(sys, sink, line, "whole"));
      case "sh":
        return (sys) => this.#nested(sys, args[1] ?? "");
      case "adduser":
        return () => constant(1);
      case "su":
        return (sys) => this.#state(sys, sink, "su: unknown user nobody\n", 1);
      case "nproc":
        return (sys) => this.#state(sys, sink, `${this.#machine.kernel.cpus}\n`, 0);
      case "uname":
        return (sys) => this.#state(sys, sink, this.#machine.uname(), 0);
      case "dmesg":
        return (sys) => this.#state(sys, sink, this.#machine.dmesg(), 0);
      default:
        return (sys) => this.#tool(sys, name, args, source, sink);
    }
  }

  *#nested(sys: Sys, text: string): Steps<number> {
    const inner = new Shell(this.#machine, sys);
    const status = yield* inner.run(text);
    this.#printed += inner.taken();
    return status;
  }

  *#state(sys: Sys, sink: Sink, text: string, status: number): Steps<number> {
    yield* this.#emit(sys, sink, text, "whole");
    return status;
  }

  *#cat(sys: Sys, args: readonly string[], source: Source, sink: Sink): Steps<number> {
    let status = 0;
    if (source.kind === "pipe") {
      yield* this.#drain(sys, source.text, COPY);
      yield* this.#emit(sys, sink, source.text, "whole");
      return 0;
    }
    const files = source.kind === "file" ? [source.path] : args;
    for (const path of files) {
      const fd = yield* this.#open(sys, path, "O_RDONLY");
      if (fd < 0) {
        yield* this.#complain(`cat: can't open '${path}': ${errnoText(fd)}`, sys);
        status = 1;
        continue;
      }
      const content = splices(path) ? this.#machine.contentOf(path) : null;
      if (content !== null) yield* this.#sendfile(sys, sink, content);
      else {
        for (;;) {
          const text = yield* sys.readText(fd, COPY);
          if (text === null || text === "") break;
          yield* this.#emit(sys, sink, text, "whole");
        }
      }
      yield* sys.close(fd);
    }
    return status;
  }

  /**
   * What sendfile(2) moves passes neither `vfs_read` nor `vfs_write`. A kernel file can't be written to so: then the
   * text is copied in blocks.
   */
  *#sendfile(sys: Sys, sink: Sink, content: string): Steps<void> {
    if (isModeled(sink.file ?? "")) yield* this.#emit(sys, sink, content, "whole");
    else sink.take(content);
  }

  *#tool(
    sys: Sys,
    name: string,
    args: readonly string[],
    source: Source,
    sink: Sink,
  ): Steps<number> {
    let input = "";
    // `head` reads no further than the lines that it prints.
    const enough = (read: string) => name === "head" && runTool(name, args, read).output.length < read.length;
    const files = source.kind === "file" ? [source.path] : filesOf(name, args);
    if (source.kind === "pipe" && files.length === 0) {
      input = source.text;
      yield* this.#drain(sys, input, STDIO, enough);
    }
    for (const path of files) {
      const fd = yield* this.#open(sys, path, "O_RDONLY");
      if (fd < 0) {
        yield* this.#complain(`${name}: ${path}: ${errnoText(fd)}`, sys);
        return 1;
      }
      for (;;) {
        const text = yield* sys.readText(fd, STDIO);
        if (text === null || text === "") break;
        input += text;
        if (enough(input)) break;
      }
      yield* sys.close(fd);
    }
    const { output, status } = runTool(name, args, input);
    yield* this.#emit(sys, sink, output, "line");
    return status;
  }

  /** Reads what came through a pipe, in blocks, and its end; or no further than `enough` says. */
  *#drain(
    sys: Sys,
    text: string,
    block: number,
    enough: (read: string) => boolean = () => false,
  ): Steps<void> {
    for (let at = 0; at < text.length; at += block) {
      yield* sys.read(PIPE, Math.min(block, text.length - at));
      if (enough(text.slice(0, at + block))) return;
    }
    yield* sys.read(0, block);
  }

  *#ls(sys: Sys, args: readonly string[], sink: Sink): Steps<number> {
    const long = args.some((arg) => /^-\w*l/.test(arg));
    const paths = args.filter((arg) => !arg.startsWith("-"));
    const { tree } = this.#machine;
    let status = 0;
    let text = "";
    const files = paths.filter((path) =>
      typeof tree.list(path) === "number" && tree.mode(path) !== undefined
    );
    for (const path of paths) {
      if (tree.mode(path) !== undefined) continue;
      yield* this.#complain(`ls: ${path}: ${errnoText(-2)}`, sys);
      status = 1;
    }
    if (files.length > 0) {
      text += long ? longListing(tree, files.toSorted(), "") : columns(files);
    }
    const directories = paths.filter((path) => typeof tree.list(path) !== "number");
    for (const path of directories) {
      const fd = yield* this.#open(sys, path, "O_RDONLY|O_DIRECTORY");
      const names = tree.list(path);
      if (typeof names === "number") continue;
      if (paths.length > 1) text += `${text === "" ? "" : "\n"}${path}:\n`;
      text += long ? longListing(tree, names, path) : columns(names);
      if (fd >= 0) yield* sys.close(fd);
    }
    yield* this.#emit(sys, sink, text, "line");
    return status;
  }

  *#directory(sys: Sys, call: "mkdir" | "rmdir", path: string): Steps<number> {
    const { tree } = this.#machine;
    const result = call === "mkdir" ? tree.mkdir(path) : tree.rmdir(path);
    if (result === 0) return 0;
    yield* this.#complain(
      `${call}: can't ${call === "mkdir" ? "create" : "remove"} directory '${path}': ${errnoText(result)}`,
      sys,
    );
    return 1;
  }

  *#open(sys: Sys, path: string, flags: string): Steps<number> {
    const real = path.replaceAll(/\/+/g, "/");
    if (isModeled(real)) this.#machine.mount.sync(real);
    // A program of 32 bits asks for it where files may be large.
    return yield* sys.open(path, sys.arch === "i386" ? `${flags}|O_LARGEFILE` : flags, 0o666);
  }

  #terminal(): Sink {
    return { fd: 1, tty: true, take: (text) => void (this.#printed += text) };
  }

  *#complain(line: string, sys: Sys = this.#sys): Steps<void> {
    const sink = this.#terminal();
    const place = /^(\/tests\.sh: )((?:eval: )?line \d+: )(.*)$/.exec(line);
    // The shell prints where and what piece by piece.
    const pieces = place === null ? [`${line}\n`] : [...place.slice(1), "\n"];
    for (const piece of pieces) yield* this.#emit(sys, sink, piece, "whole");
  }

  /** Writes text the way a program does: at once, or line by line to a terminal. */
  *#emit(sys: Sys, sink: Sink, text: string, how: "whole" | "line"): Steps<void> {
    const pieces = how === "line" && sink.tty ? text.split(/(?<=\n)/) : blocks(text);
    for (const piece of pieces) {
      if (piece === "") continue;
      yield* sys.write(sink.fd, piece);
    }
    sink.take(text);
  }
}

function blocks(text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += COPY) pieces.push(text.slice(at, at + COPY));
  return pieces;
}

/** Whether sendfile(2) can read a file: those of a real file system, of procfs, and `trace`. */
function splices(path: string): boolean {
  return !isModeled(path) || path.startsWith("/proc/") || path.endsWith("/trace");
}

/** Whether a path belongs to the tree under test. */
function isModeled(path: string): boolean {
  return MOUNTS.some((mount) => path.startsWith(mount));
}

function* nothing(): Steps<void> {}

// deno-lint-ignore require-yield
function* constant(status: number): Steps<number> {
  return status;
}
