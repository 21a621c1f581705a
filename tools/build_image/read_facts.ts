/**
 * Reads a folder of kernel facts.
 *
 * @module
 */
import type { Arch, TracepointInfo } from "../../image/mod.ts";
import { joinBtf } from "./btf_modules.ts";
import type { KernelFacts } from "./facts.ts";
import { InputError, readInput } from "./lines.ts";
import { type Input, readBlacklist, readKallsyms, readSyscalls, readTraceable } from "./read_symbols.ts";
import { readText } from "./read_text.ts";
import { readEvents, readTracepoints } from "./read_tracepoints.ts";

/** What to read. */
export interface ReadOptions {
  readonly arch: Arch;
  readonly release: string;
  /** Called with a sentence for each optional file that is missing. */
  readonly onMissing?: (message: string) => void;
}

/** Reads `DIR/{kallsyms,btf,text.tsv,…}[.gz]`. Throws an InputError for a required file that is missing, or any file that is wrong. */
export function readFacts(dir: string, options: ReadOptions): KernelFacts {
  const { arch, release } = options;
  const required = (name: string, what: string): Input => {
    const input = readInput(`${dir}/${name}`);
    if (input) return input;
    throw new InputError(
      `Cannot build an image from ${dir}: neither ${name} nor ${name}.gz is there; ${what}`,
    );
  };
  const optional = <T>(name: string, read: (input: Input) => T, without: string): T | undefined => {
    const input = readInput(`${dir}/${name}`);
    if (!input) options.onMissing?.(`no ${name}: ${without}`);
    return input && read(input);
  };
  const kernel = readKallsyms(required("kallsyms", "copy /proc/kallsyms as root"), arch);
  const modules = readInput(`${dir}/kallsyms-modules`);
  const symbols = modules ? [...kernel, ...readKallsyms(modules, arch)] : kernel;
  const types = joinBtf(required("btf", "copy /sys/kernel/btf/vmlinux"), moduleBtf(dir));
  const text = optional(
    "text.tsv",
    (i) => readText(i, arch),
    "instruction boundaries and call sites stay unknown",
  );
  const traceable = optional(
    "available_filter_functions",
    readTraceable,
    text
      ? "every function of text.tsv counts as traceable"
      : "every function with a prototype counts as traceable",
  );
  const formats = optional("tracepoint_formats", readTracepoints, "no tracepoints");
  const events = optional(
    "available_events",
    readEvents,
    "every tracepoint with a format counts as available",
  );
  const blacklist = optional(
    "kprobes_blacklist",
    (i) => readBlacklist(i, arch),
    "no function counts as blacklisted",
  );
  const syscalls = optional("syscalls.tsv", readSyscalls, "no system calls");
  return {
    arch,
    release,
    symbols,
    types,
    text: text ?? [],
    traceable,
    tracepoints: available(formats ?? [], events),
    blacklist: blacklist ?? [],
    syscalls: syscalls ?? [],
  };
}

/** Split BTF of modules, `btf-NAME[.gz]`, by name. */
function moduleBtf(dir: string): Input[] {
  const names = new Set(
    Array.from(Deno.readDirSync(dir), (entry) => /^(btf-\w+)(?:\.gz)?$/.exec(entry.name)?.[1] ?? "").filter(
      Boolean,
    ),
  );
  return [...names].sort().map((name) => readInput(`${dir}/${name}`)!);
}

/** The formats of events that can be enabled: ftrace's own record types have a format but are no events. */
function available(
  formats: readonly TracepointInfo[],
  events: readonly string[] | undefined,
): readonly TracepointInfo[] {
  if (!events) return formats.filter((format) => format.subsystem !== "ftrace");
  const enabled = new Set(events);
  return formats.filter((format) => enabled.has(`${format.subsystem}:${format.name}`));
}
