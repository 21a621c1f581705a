/**
 * Sessions typed at a real kernel's tracing directory, beside what it answered, and what the model answers to the same.
 *
 * @module
 */

import { bootKernel } from "../../session/boot.ts";
import { Shell } from "../../commands/shell/shell.ts";
import { replay } from "../../workloads/replay/replay.ts";

/** One command, and the lines that it printed. */
export interface Exchange {
  readonly command: string;
  readonly lines: readonly string[];
}

const FOLDER = new URL("./recordings/", import.meta.url);

async function inflated(name: string): Promise<string> {
  const file = await Deno.open(new URL(name, FOLDER));
  return await new Response(file.readable.pipeThrough(new DecompressionStream("gzip"))).text();
}

/** Reads a recorded session: `$ COMMAND`, then what it printed. */
export async function readSession(name: string): Promise<readonly Exchange[]> {
  const text = await inflated(`${name}.txt.gz`);
  return text.split(/^\$ /m).slice(1).map((one) => {
    const [command = "", ...lines] = one.split("\n");
    return { command, lines: lines.filter((line) => line !== "") };
  });
}

/** Types the commands of a session into `kscope tracefs`. `run replay NAME` is a recording of the same folder. */
export async function typeSession(commands: readonly string[]): Promise<readonly Exchange[]> {
  const kernel = await bootKernel({ cpus: 2, image: "whole" });
  kernel.vfs.makePath("/bin/cat", { mode: 0o100755, content: new TextEncoder().encode("\x7fELF") });
  const shell = new Shell({
    kernel,
    workloads: {
      replay: async (path) => await replay(await Deno.readFile(new URL(path, FOLDER)), { name: path }),
      named: null,
    },
    note: () => {},
  });
  const answers: Exchange[] = [];
  for (const command of commands) {
    let output = "";
    for await (const result of shell.run(command)) output += result.output;
    answers.push({ command, lines: output.split("\n").filter((line) => line !== "") });
  }
  return answers;
}

/** What two runs have in common: without times, processes, CPUs, event numbers, columns of `ls` and the shells' own words. */
export function comparable({ command, lines }: Exchange): readonly string[] {
  const plain = lines.map(withoutRun);
  return command.startsWith("ls") ? plain.join(" ").split(/\s+/).filter((word) => word !== "").sort() : plain;
}

const ERRNO = "(?:No such file|File exists|Device or|Operation not|Permission|Is a dir|Invalid arg)";
/** `bash: FILE: ERRNO`, `cat: FILE: ERRNO`, `sh: can't create FILE: ERRNO`: what the kernel said is left. */
const SAID = new RegExp(
  `^(?:bash: |sh: )?(?:(?:echo|cat|mkdir|rmdir): )?(?:(?:write|read) error|(?:ls: )?(?:can't|cannot|failed to) .*?|ls: [\\w/]+|'?[\\w/.]+'?): (?=${ERRNO})`,
);

function withoutRun(line: string): string {
  return line
    .replace(/-\d+\s+(\(\s*[\d-]+\) )?\[\d+\] (.).(.{3})/, (_, tgid, off, rest) => {
      return `-PID ${tgid === undefined ? "" : "(TGID) "}[C] ${off}.${rest}`;
    })
    .replace(/ *\b\d+\.\d{6}\b/, " TIME")
    .replace(/\b(ID|type): \d+$/, "$1: N")
    .replace(/0xffff[0-9a-f]{12}/, "ADDRESS")
    .replace(SAID, "")
    .replace(/^(?:echo: |sh: )(?=write error)/, "")
    .trim();
}
