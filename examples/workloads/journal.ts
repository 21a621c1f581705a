// A workload of one's own: a program that appends to a journal and syncs it, and one that reads it now and then.
// deno task kscope eval 'kprobe("vfs_write").by(c => c.comm).count()' --workload examples/workloads/journal.ts
import type { Steps, Sys } from "@kscope/kscope";

function* writer(sys: Sys): Steps<number> {
  const fd = yield* sys.open("/tmp/journal", "O_WRONLY|O_CREAT|O_APPEND", 0o644);
  for (let entry = 1; entry <= 5; entry++) {
    yield* sys.write(fd, `entry ${entry}\n`);
    yield* sys.call("fdatasync", fd);
    yield* sys.nanosleep(1_000_000);
  }
  return yield* sys.close(fd);
}

function* reader(sys: Sys): Steps<number> {
  for (let time = 0; time < 3; time++) {
    yield* sys.nanosleep(2_000_000);
    const fd = yield* sys.open("/tmp/journal");
    if (fd < 0) continue;
    while ((yield* sys.read(fd, 4096)) > 0);
    yield* sys.close(fd);
  }
  return 0;
}

export default [writer, reader];
