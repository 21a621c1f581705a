/**
 * The prompt's history, kept in a file where that is permitted, and only in memory where not.
 *
 * @module
 */

/** Lines that are kept. */
const MOST = 1000;

/** The history file's path: `.kscope_history` in the home folder, or undefined where that isn't known. */
export function historyPath(): string | undefined {
  if (Deno.permissions.querySync({ name: "env", variable: "HOME" }).state !== "granted") return undefined;
  const home = Deno.env.get("HOME");
  return home === undefined || home === "" ? undefined : `${home}/.kscope_history`;
}

/** Lines of earlier sessions, newest first. Empty where there are none or reading isn't permitted. */
export function loadHistory(path: string | undefined): string[] {
  if (path === undefined) return [];
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return [];
  try {
    return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "").reverse();
  } catch {
    // No history yet, or one that can't be read: the prompt works without.
    return [];
  }
}

/** Writes the lines, newest first, where that is permitted. */
export function saveHistory(path: string | undefined, lines: readonly string[]): void {
  if (path === undefined) return;
  if (Deno.permissions.querySync({ name: "write", path }).state !== "granted") return;
  const kept = lines.slice(0, MOST).filter((line) => !line.includes("\n")).reverse();
  try {
    Deno.writeTextFileSync(path, kept.map((line) => `${line}\n`).join(""), { mode: 0o600 });
  } catch {
    // A full disk or a folder that is gone must not turn leaving the prompt into an error.
  }
}
