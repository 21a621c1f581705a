/** The prompt in a real (pseudo) terminal, which util-linux's `script` makes. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { stripAnsiCode } from "@std/fmt/colors";

const MAIN = new URL("../cli/main.ts", import.meta.url).pathname;

async function hasScript(): Promise<boolean> {
  try {
    const { stdout } = await new Deno.Command("script", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).includes("util-linux");
  } catch {
    return false;
  }
}

/** A terminal with `kscope repl` in it: type, and wait until something shows. */
class Terminal {
  readonly #child: Deno.ChildProcess;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;
  #screen = "";
  #seen = 0;

  constructor(home: string) {
    const permissions = `--allow-read --allow-env=HOME --allow-write="${home}/.kscope_history"`;
    const command = `"${Deno.execPath()}" run --no-check --no-prompt --quiet ${permissions} "${MAIN}" ` +
      `repl --workload pipeline --arch arm64`;
    this.#child = new Deno.Command("script", {
      args: ["--quiet", "--return", "--command", command, "/dev/null"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      env: { HOME: home, TERM: "xterm", NO_COLOR: "1" },
    }).spawn();
    this.#keys = this.#child.stdin.getWriter();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) this.#screen += text;
  }

  /** All that was shown, without control sequences. */
  get text(): string {
    return stripAnsiCode(this.#screen).replaceAll("\r", "");
  }

  async type(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** Waits until `part` shows after what was waited for before. */
  async until(part: string): Promise<void> {
    for (let i = 0; i < 600; i++) {
      const at = this.text.indexOf(part, this.#seen);
      if (at >= 0) {
        this.#seen = at + part.length;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`"${part}" doesn't show up in:\n${this.text.slice(this.#seen)}`);
  }

  /** Ends it in any case. */
  async kill(): Promise<void> {
    try {
      this.#child.kill();
    } catch {
      // It has ended by itself, as it should.
    }
    await this.end();
  }

  /** Waits for the end of the session; gives its exit code. */
  async end(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    await this.#keys.close().catch(() => {});
    return code;
  }
}

Deno.test({ name: "a session in a terminal", ignore: !(await hasScript()) }, async () => {
  const home = await Deno.makeTempDir();
  const terminal = new Terminal(home);
  try {
    await terminal.until("on arm64, 2 CPUs");
    await terminal.until("arm64 0ns> ");
    await terminal.type('attach(kretprobe("do_wai');
    await terminal.until("do_wai");
    await terminal.type("\t");
    // Only what is missing is added.
    await terminal.until("t");
    await terminal.type('", { maxactive: 1 }).by((c) => c.comm).count().as("waits"))\r');
    await terminal.until("attached: kretprobe:do_wait");
    await terminal.until("> ");
    // Several lines at once, as a paste brings them.
    await terminal.type("const waiting = (p) =>\r  p.kretprobe.pool.active().length > 0;\r");
    await terminal.type("while (!kernel.kprobes.list().some(waiting) && kernel.scheduler.step());\r");
    await terminal.type(".instances\r");
    await terminal.until("kretprobe:do_wait maxactive=1 free=0 active=1 nmissed=0");
    await terminal.until("returns to kernel_wait4+");
    await terminal.type('kprobe("vfs_open").by(\r');
    await terminal.until("| ");
    await terminal.type("  (c) => c.args.path.den");
    await terminal.until(".den");
    await terminal.type("\t");
    await terminal.until("try");
    await terminal.type(")\r");
    await terminal.until("kprobe:vfs_open (not attached");
    await terminal.type("nope\r");
    await terminal.until("ReferenceError: nope is not defined");
    await terminal.type(".run\r");
    await terminal.until("All tasks ended");
    await terminal.type(".maps\r");
    await terminal.until("@waits[sh]: ");
    await terminal.type(".probes\r");
    await terminal.until("kretprobe:do_wait");
    await terminal.until("attached");
    await terminal.type(".exit\r");
    assertEquals(await terminal.end(), 0);
    assert(!terminal.text.includes("    at "), terminal.text);
    const history = await Deno.readTextFile(`${home}/.kscope_history`);
    assertStringIncludes(history, ".instances\n");
    assertStringIncludes(history, 'attach(kretprobe("do_wait"');
  } finally {
    await terminal.kill();
    await Deno.remove(home, { recursive: true });
  }
});
