/**
 * What commands need of the machine, on a terminal.
 *
 * @module
 */

import type { Host, Output } from "../commands/context.ts";
import { fullImage } from "../image/load.ts";
import { importFile, openFile } from "./files.ts";

/** The terminal's host. */
export function terminalHost(out: Output): Host {
  return {
    open: openFile,
    importModule: importFile,
    wholeImage: fullImage,
    input: () => Deno.stdin.readable,
    async repl(live) {
      // Loaded only here: node:repl and its parsers would slow every other command down.
      const { startRepl } = await import("../repl/start.ts");
      return await startRepl(live, out, this);
    },
  };
}
