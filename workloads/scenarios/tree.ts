/**
 * Directories and files made, renamed and removed, with the errors that programs meet: files that are not there.
 *
 * @module
 */

import { programWorkload } from "../program.ts";
import type { Workload } from "../workload.ts";

/** The workload: `dirs` directories, each with three files. */
export function treeWorkload(dirs: number): Workload {
  return programWorkload({
    name: "tree",
    description: `${dirs} directories with files are made, searched, renamed and removed`,
    programs: [{
      comm: "tree",
      *program(sys) {
        for (let dir = 1; dir <= dirs; dir++) {
          yield* sys.mkdir(`/tmp/d${dir}`);
          for (const file of ["a", "b", "c"]) {
            const fd = yield* sys.open(`/tmp/d${dir}/${file}`, "O_WRONLY|O_CREAT", 0o644);
            yield* sys.write(fd, `${file.repeat(dir * 10)}\n`);
            yield* sys.close(fd);
          }
          yield* sys.stat(`/tmp/d${dir}/missing`);
          yield* sys.rename(`/tmp/d${dir}/a`, `/tmp/d${dir}/z`);
          for (const file of ["z", "b", "c"]) yield* sys.unlink(`/tmp/d${dir}/${file}`);
          yield* sys.rmdir(`/tmp/d${dir}`);
        }
      },
    }],
  });
}
