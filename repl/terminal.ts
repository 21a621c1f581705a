/**
 * The REPL in a terminal: node:repl's line editing, history and completion around the shell.
 *
 * @module
 */

import repl from "node:repl";
import { red } from "@std/fmt/colors";
import type { Output } from "../commands/context.ts";
import { isUnfinished } from "./complete_input.ts";
import { complete } from "./completion.ts";
import { display } from "./display.ts";
import { historyPath, loadHistory, saveHistory } from "./history.ts";
import type { Shell } from "./shell.ts";
import { timeText } from "../format/time_text.ts";

/** What this uses of a node REPL server. */
interface Server {
  history: string[];
  setPrompt(prompt: string): void;
  displayPrompt(preserveCursor?: boolean): void;
  clearBufferedCommand(): void;
  defineCommand(name: string, command: { help: string; action(text: string): void }): void;
  on(event: "exit", listener: () => void): void;
  close(): void;
}

/** Runs until the user leaves. Resolves to the exit code. */
export function runTerminal(shell: Shell, out: Output, banner: string): Promise<number> {
  out.write(`${banner}\n`);
  const colors = !Deno.noColor;
  const options = () => ({ colors, columns: out.columns ?? 80 });
  const world = { image: shell.live.kernel.image, scope: shell.evaluator.scope, commands: shell.commands };

  function prompt(): string {
    return `${shell.live.kernel.archName} ${timeText(shell.live.kernel.now())}> `;
  }

  // Lines of an input that isn't finished: a handler's probe may stand in one of them.
  let begun = "";
  // Lines typed or pasted ahead wait for the one that runs, so that they act and print in order.
  let queue: Promise<void> = Promise.resolve();
  function inTurn(source: string): void {
    begun = "";
    server.clearBufferedCommand();
    queue = queue.then(async () => {
      // What never ends can't be interrupted from inside: let Ctrl-C reach the process while it computes.
      saveHistory(path, server.history);
      Deno.stdin.setRaw(false);
      const result = await shell.run(source).finally(() => Deno.stdin.setRaw(true));
      if (result.kind === "error") out.write(`${colors ? red(result.message) : result.message}\n`);
      if (result.kind === "value") out.write(`${display(result.value, options())}\n`);
      if (result.kind === "exit") return server.close();
      server.setPrompt(prompt());
      server.displayPrompt();
    });
  }

  const path = historyPath();
  const server = repl.start({
    prompt: prompt(),
    useColors: colors,
    // `done` is only for what isn't finished: calling it later would drop the lines that came in meanwhile.
    eval(
      source: string,
      _context: unknown,
      _file: string,
      done: (error: Error | null, value?: unknown) => void,
    ) {
      if (!isUnfinished(source)) return inTurn(source);
      begun = source;
      done(new repl.Recoverable(new SyntaxError("unfinished")), undefined);
    },
    completer: (line: string) => complete(begun + line, world),
  }) as unknown as Server;

  for (const name of ["break", "clear"]) {
    server.defineCommand(name, {
      help: "",
      action() {
        begun = "";
        server.clearBufferedCommand();
        server.displayPrompt();
      },
    });
  }
  server.history.push(...loadHistory(path));
  for (const name of ["help", ...shell.commands.map((command) => command.name)]) {
    server.defineCommand(name, {
      help: "",
      action: (text) => inTurn(`.${name} ${text}`),
    });
  }
  return new Promise((resolve) => {
    server.on("exit", () => {
      saveHistory(path, server.history);
      resolve(0);
    });
  });
}
