/** A start pays for every module it loads: help must not load the kernel, nor a command what another one needs. */
import { assert } from "@std/assert";
import { dirname, join } from "node:path/posix";

const ROOT = new URL("..", import.meta.url).pathname;
const IMPORT = /^(?:import|export)\s+(?!type\b)[^;]*?from\s+"([^"]+)"|^import\s+"([^"]+)"/gm;

/** What is loaded with a module: its imports, and theirs, but for those of types and those that come later. */
async function loadedWith(path: string, found: Set<string> = new Set()): Promise<Set<string>> {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, from, effect] of (await Deno.readTextFile(ROOT + path)).matchAll(IMPORT)) {
    const specifier = from ?? effect ?? "";
    if (specifier.startsWith(".") && specifier.endsWith(".ts")) {
      await loadedWith(join(dirname(path), specifier), found);
    }
  }
  return found;
}

Deno.test("the command line loads a command's own parts when it runs", async () => {
  const loaded = await loadedWith("cli/main.ts");
  const heavy = [...loaded].filter((path) => /^(kernel|session|workloads|probes|repl)\//.test(path));
  assert(loaded.has("commands/run.ts"), "the definitions of commands are loaded");
  assert(heavy.length === 0, `every start of the command line loads ${heavy.join(", ")}`);
});
