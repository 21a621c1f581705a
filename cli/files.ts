/**
 * Files of the user: paths are relative to where the command was given, errors are sentences.
 *
 * @module
 */

/** Opens a file for reading. */
export async function openFile(path: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  try {
    const info = await Deno.stat(resolvePath(path));
    if (info.isDirectory) throw new Error(`Cannot read "${path}": it is a folder, not a file`);
    return (await Deno.open(resolvePath(path))).readable;
  } catch (error) {
    throw readError(path, error);
  }
}

/** Imports a user's TypeScript or JavaScript module by path. */
export async function importFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const info = await Deno.stat(resolvePath(path));
    if (info.isDirectory) throw new Error(`Cannot read "${path}": it is a folder, not a script`);
  } catch (error) {
    throw readError(path, error);
  }
  try {
    return await import(fileUrl(path));
  } catch (error) {
    throw new Error(`Cannot load "${path}": ${importReason(error)}`, { cause: error });
  }
}

/** The URL of a path. */
export function fileUrl(path: string): string {
  const given = resolvePath(path);
  const absolute = given.startsWith("/") ? given : `${Deno.cwd()}/${given}`;
  return `file://${absolute.split("/").map(encodeURIComponent).join("/")}`;
}

/**
 * A path as the user meant it. `deno task` runs in the project's folder and tells in INIT_CWD where it was called:
 * where that may be read, relative paths start there.
 */
function resolvePath(path: string): string {
  if (path.startsWith("/")) return path;
  if (Deno.permissions.querySync({ name: "env", variable: "INIT_CWD" }).state !== "granted") return path;
  const base = Deno.env.get("INIT_CWD");
  return base === undefined || base === "" ? path : `${base}/${path}`;
}

/** What reading a file runs into, as a sentence that says what would do. */
export function readError(path: string, error: unknown): Error {
  if (error instanceof Deno.errors.NotFound) {
    return new Error(`Cannot read "${path}": there is no such file`, { cause: error });
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new Error(
      `Cannot read "${path}": kscope has no permission to read it; start it with deno run --allow-read`,
      { cause: error },
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new Error(`Cannot read "${path}": the file's own permissions forbid it`, { cause: error });
  }
  return error instanceof Error ? error : new Error(`Cannot read "${path}": ${error}`);
}

function importReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  // The parser adds a picture of the line, and the place below it: the sentence needs the first line and the place.
  const reason = message.replace(/^The module's source code could not be parsed: /, "").split("\n")[0]!;
  const place = /^\s+at \S+?:(\d+):(\d+)$/m.exec(message);
  return place === null ? reason : `${reason} (line ${place[1]}, column ${place[2]})`;
}
