/**
 * `ls`: names in columns, or a line per file.
 *
 * @module
 */

/** Columns of the screen that names are fitted into. */
const WIDTH = 79;
/** Spaces between columns. */
const GAP = 2;

/** Names in columns, down and then across. */
export function columnsText(names: readonly string[]): string {
  const width = Math.max(0, ...names.map((name) => name.length)) + GAP;
  const columns = Math.max(1, Math.floor(WIDTH / width));
  const rows = Math.ceil(names.length / columns);
  let text = "";
  for (let row = 0; row < rows; row++) {
    let line = "";
    for (let column = 0; column < columns; column++) {
      const name = names[column * rows + row];
      if (name !== undefined) line = line.padEnd(column * width) + name;
    }
    text += `${line}\n`;
  }
  return text;
}

/** `-rw-r-----` */
export function modeText(mode: number, directory: boolean): string {
  let text = directory ? "d" : "-";
  for (let shift = 6; shift >= 0; shift -= 3) {
    const bits = (mode >> shift) & 7;
    text += `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 1 ? "x" : "-"}`;
  }
  return text;
}

/** A file as `ls -l` lists it. The files have no times of their own: all are as old as the kernel. */
export function longLine(name: string, mode: number, directory: boolean): string {
  return `${modeText(mode, directory)}    1 root     root             0 Jan  1 00:00 ${name}\n`;
}
