import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { FILE } from "../fs/fields.ts";
import { fdFile, filesUsers, openFds } from "../fs/files_struct.ts";
import { FS } from "../fs/fs_struct.ts";
import { ARCHES, bootTest } from "../syscalls/test_program.ts";
import { EXIT_ZOMBIE, PF_EXITING, TASK } from "./task.ts";
import { PID_MAX } from "./task_table.ts";

for (const arch of ARCHES) {
  Deno.test(`${arch}: the first tasks stand at the root, and init has its standard files`, async () => {
    const k = await bootTest(arch);
    assertEquals(k.tasks.all().map((task) => [task.pid, task.comm]), [[0, "swapper/0"], [1, "init"]]);
    assertStrictEquals(k.current, k.tasks.idle);
    for (const task of k.tasks.all()) {
      assertEquals(FS.pwdDentry.get(k, task.fs), k.vfs.root.address);
      assertEquals(FS.rootMnt.get(k, task.fs), k.vfs.mnt);
    }
    assertEquals(openFds(k, k.tasks.init.files), [0, 1, 2]);
    assertEquals(openFds(k, k.tasks.idle.files), []);
  });

  Deno.test(`${arch}: a program started afresh has files of its own, under its own credentials`, async () => {
    const k = await bootTest(arch);
    const task = k.tasks.create({ comm: "sh", uid: 1000, gid: 100 });
    assertEquals([task.uid, task.gid, task.comm, task.pid], [1000, 100, "sh", 301]);
    const stdin = fdFile(k, task.files, 0);
    assertEquals(FILE.cred.get(k, stdin), task.cred);
    assertEquals(FILE.count.get(k, stdin), 3);
    assertNotStrictEquals(task.files, k.tasks.init.files);
    assertEquals(k.tasks.byPid(301), task);
    assertEquals(k.tasks.byAddress(task.address), task);
  });

  Deno.test(`${arch}: a thread shares what a fork copies`, async () => {
    const k = await bootTest(arch);
    const leader = k.tasks.create({ comm: "server" });
    const thread = k.tasks.create({ threadOf: leader });
    assertEquals([thread.tgid, thread.mm, thread.files, thread.fs, thread.comm], [
      leader.pid,
      leader.mm,
      leader.files,
      leader.fs,
      "server",
    ]);
    assertEquals(filesUsers(k, leader.files), 2);
    const child = k.tasks.create({ parent: leader, fork: { vm: false, files: false, fs: false } });
    assert(child.mm !== leader.mm && child.files !== leader.files && child.fs !== leader.fs);
    assertEquals(openFds(k, child.files), [0, 1, 2]);
    assertEquals(FILE.count.get(k, fdFile(k, leader.files, 0)), 6);
  });

  Deno.test(`${arch}: who exits is a zombie until released, and its children go to init`, async () => {
    const k = await bootTest(arch);
    const parent = k.tasks.create({ comm: "sh" });
    const child = k.tasks.create({ parent, comm: "cat" });
    const dead = k.tasks.create({ parent, comm: "wc" });
    k.tasks.exit(dead, 0);
    k.tasks.exit(parent, 3 << 8);
    assertEquals(TASK.exitState.get(k, parent.address), EXIT_ZOMBIE);
    assert((TASK.flags.get(k, parent.address) & PF_EXITING) !== 0);
    assertEquals([parent.exitCode, parent.files, parent.fs, parent.mm], [768, 0, 0, 0]);
    assertStrictEquals(child.parent, k.tasks.init);
    assertEquals(k.tasks.byPid(dead.pid), undefined, "init reaps at once who is dead already");
    assertEquals(k.tasks.byPid(parent.pid), parent);
    k.tasks.exit(parent, 0);
    assertEquals(parent.exitCode, 768, "exiting again changes nothing");
    k.tasks.release(parent);
    assertEquals(k.tasks.byPid(parent.pid), undefined);
    assertEquals(k.tasks.init.children.map((task) => task.comm), ["cat"]);
  });
}

Deno.test("pids are given upwards, never twice, and begin again above the reserved ones", async () => {
  const k = await bootTest();
  k.tasks.create({ pid: 5000 });
  assertEquals(k.tasks.create().pid, 5001);
  assertThrows(() => k.tasks.create({ pid: 5001 }), Error, "5001");
  assertThrows(() => k.tasks.create({ pid: PID_MAX }), RangeError, String(PID_MAX));
  assertThrows(() => k.tasks.create({ pid: 1.5 }), RangeError, "1.5");
  k.tasks.create({ pid: 300 });
  k.tasks.create({ pid: PID_MAX - 1 });
  assertEquals(k.tasks.nextPid(), 301);
});

Deno.test("a kernel thread gives its pid to a program that was recorded with it", async () => {
  const k = await bootTest("x86_64");
  const worker = k.tasks.create({ pid: 17, comm: "kworker/0:1", kthread: true, parent: k.tasks.kthreadd });
  const program = k.tasks.create({ pid: 17, comm: "cat" });
  assertEquals([program.pid, k.tasks.byPid(17)?.comm, worker.pid > 17], [17, "cat", true]);
  assertStrictEquals(k.tasks.byPid(worker.pid), worker);
  assertEquals(TASK.pid.get(k, worker.address), worker.pid);
  assertThrows(() => k.tasks.create({ pid: 17 }), Error, "cat has it");
});
