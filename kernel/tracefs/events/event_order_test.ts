import { assertEquals } from "@std/assert";
import { bootTest } from "../../syscalls/test_program.ts";
import { cat, echo, TRACING } from "../testing.ts";

Deno.test("events are listed newest first; a new instance begins with those that are there", async () => {
  const k = await bootTest();
  const own = cat(k, "available_events");
  echo(k, "p:t/a vfs_read\np:u/b vfs_read\nr:t/c vfs_read", "kprobe_events");
  assertEquals(cat(k, "available_events"), `t:c\nu:b\nt:a\n${own}`);
  k.tracefs.mkdir(`${TRACING}/instances/i`);
  k.tracefs.write(`${TRACING}/kprobe_events`, "p:t/d vfs_open\n", { append: true });
  for (const array of ["", "instances/i/"]) {
    for (const group of ["t", "u", "sched"]) echo(k, "1", `${array}events/${group}/enable`);
  }
  const sched = own.split("\n").filter((name) => name.startsWith("sched:")).map((name) => `${name}\n`).join(
    "",
  );
  assertEquals(cat(k, "set_event"), `t:d\nt:c\nu:b\nt:a\n${sched}`);
  assertEquals(cat(k, "instances/i/set_event"), `t:d\n${sched}t:a\nu:b\nt:c\n`);
  echo(k, "0", "events/u/enable");
  echo(k, "0", "instances/i/events/u/enable");
  k.tracefs.write(`${TRACING}/kprobe_events`, "-:u/b\n", { append: true });
  assertEquals(cat(k, "set_event"), `t:d\nt:c\nt:a\n${sched}`);
  assertEquals(cat(k, "instances/i/set_event"), `t:d\n${sched}t:a\nt:c\n`);
  assertEquals(cat(k, "available_events"), `t:d\nt:c\nt:a\n${own}`);
});
