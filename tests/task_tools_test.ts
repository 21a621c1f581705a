/**
 * What bpftrace's own tools about tasks look at (killsnoop, pidpersec, execsnoop, setuids, syscount): the tracepoints and
 * fields are there, enter and exit belong together, and pointers lead to what the program gave.
 */

import { assertEquals } from "@std/assert";
import { type Arch, bootKernel } from "../mod.ts";
import type { TraceRecord } from "../kernel/tracing/record.ts";
import { programWorkload, type Steps } from "../workloads/program.ts";

import { installProgram, startProgram } from "../workloads/scenarios/start_program.ts";

function number(record: TraceRecord, name: string): number {
  const field = record.info.fields.find((candidate) => candidate.name === name)!;
  return record.load(field.offset, field.size, name !== "argv");
}

function text(record: TraceRecord, name: string): string {
  const field = record.info.fields.find((candidate) => candidate.name === name)!;
  const bytes = record.bytes().subarray(field.offset, field.offset + field.size);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

for (const arch of ["x86_64", "arm64", "i386"] as readonly Arch[]) {
  Deno.test(`${arch}: kill, fork, exec, setuid and system calls by number, as the tools ask for them`, async () => {
    const k = await bootKernel({ arch });
    const word = k.image.pointerSize;
    const log: string[] = [];
    const calls = new Map<string, number>();
    const who = (): string => `${k.current.comm}/${k.current.pid}`;
    const setuid = k.image.syscallEntry(arch === "i386" ? "setuid32" : "setuid")?.replace(/^__\w+?_sys_/, "");
    k.tracepoints.register("syscalls:sys_enter_kill", (record) => {
      log.push(`${who()} kills ${number(record, "pid")} with ${number(record, "sig")}`);
    });
    k.tracepoints.register("syscalls:sys_exit_kill", (record) => {
      log.push(`${who()} killed: ${number(record, "ret")}`);
    });
    k.tracepoints.register("sched:sched_process_fork", (record) => {
      log.push(`${who()} forks ${text(record, "child_comm")}/${number(record, "child_pid")}`);
    });
    k.tracepoints.register("syscalls:sys_enter_execve", (record) => {
      const words: string[] = [];
      for (let at = number(record, "argv");; at += word) {
        const pointer = k.memory.readPointer(at);
        if (pointer === 0) break;
        words.push(k.memory.readString(pointer, 100));
      }
      log.push(`${who()} runs ${words.join(" ")}`);
    });
    k.tracepoints.register(`syscalls:sys_enter_${setuid}`, (record) => {
      log.push(`${who()} becomes ${number(record, "uid")}`);
    });
    k.tracepoints.register(`syscalls:sys_exit_${setuid}`, (record) => {
      log.push(`${who()} became ${k.current.uid}: ${number(record, "ret")}`);
    });
    k.tracepoints.register("raw_syscalls:sys_enter", (record) => {
      const id = number(record, "id");
      const name = k.image.syscallNames().find((each) => k.image.syscallNumber(each) === id) ?? "?";
      calls.set(name, (calls.get(name) ?? 0) + 1);
    });
    const workload = programWorkload({
      name: "tools",
      description: "what the tools look at",
      prepare: (kernel) => installProgram(kernel, "/usr/bin/sleep", 43_888),
      programs: [{
        comm: "sh",
        pid: 500,
        *program(sys): Steps<number> {
          const child = yield* sys.fork(function* (self) {
            yield* startProgram(self, "/usr/bin/sleep", ["sleep", "10"]);
            yield* self.nanosleep(10e9);
          });
          yield* sys.nanosleep(5e6);
          yield* sys.kill(child, "SIGTERM");
          yield* sys.wait();
          yield* sys.kill(child, "SIGTERM");
          yield* sys.call(arch === "i386" ? "setuid32" : "setuid", 1000);
          yield* sys.call(arch === "i386" ? "setuid32" : "setuid", 0);
          return 0;
        },
      }],
    });
    workload.start(k);
    assertEquals(k.scheduler.run().reason, "done");
    assertEquals(log, [
      "sh/500 forks sh/501",
      "sh/501 runs sleep 10",
      "sh/500 kills 501 with 15",
      "sh/500 killed: 0",
      "sh/500 kills 501 with 15",
      "sh/500 killed: -3",
      "sh/500 becomes 1000",
      "sh/500 became 1000: 0",
      "sh/500 becomes 0",
      "sh/500 became 1000: -1",
    ]);
    assertEquals([calls.get("kill"), calls.get("wait4"), calls.get("execve")], [2, 1, 1]);
  });
}
