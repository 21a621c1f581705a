/**
 * How large programs are that recordings often begin with: recordings don't tell. Pages of headers, text, constants and
 * data, as Debian 12's packages for x86_64 have them; those of other architectures differ little.
 *
 * @module
 */

/** Pages by part. */
export type ProgramPages = readonly [headers: number, text: number, constants: number, data: number];

const SIZES: ReadonlyMap<string, ProgramPages> = new Map(Object.entries<ProgramPages>({
  as: [46, 79, 28, 81],
  bash: [47, 193, 56, 23],
  cp: [4, 24, 7, 2],
  curl: [11, 24, 28, 5],
  dash: [4, 19, 6, 5],
  find: [6, 33, 13, 3],
  gawk: [5, 132, 32, 13],
  gcc: [3, 153, 157, 8],
  gdb: [211, 1507, 591, 259],
  git: [30, 654, 197, 63],
  grep: [4, 36, 8, 18],
  gzip: [3, 15, 5, 201],
  ld: [14, 66, 237, 10],
  less: [5, 26, 12, 10],
  ls: [4, 22, 9, 3],
  make: [9, 36, 11, 6],
  mawk: [4, 25, 8, 21],
  openssl: [60, 107, 45, 28],
  perl: [73, 405, 433, 24],
  "python3.11": [31, 692, 627, 387],
  ssh: [11, 182, 78, 7],
  strace: [140, 159, 98, 142],
  tar: [10, 89, 25, 6],
  wget: [11, 66, 31, 14],
}));

/** Names that lead to another program. */
const LINKS: ReadonlyMap<string, string> = new Map(Object.entries<string>({
  awk: "mawk",
  python: "python3.11",
  python3: "python3.11",
  sh: "dash",
}));

/** The parts of a program, by its path; undefined where it is none of those known. */
export function programPages(path: string): ProgramPages | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return SIZES.get(LINKS.get(name) ?? name);
}
