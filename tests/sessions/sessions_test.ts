import { assertEquals } from "@std/assert";
import { comparable, readSession, typeSession } from "./session.ts";

/** Commands whose answers differ, by session and number, and why. */
const DIFFERENT: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  more_triggers: {
    387: "a recording of system calls does not tell where in the program they were made",
    402: "the same stacks",
    445: "where in the probe's handlers a stack was taken is not known: names without offsets",
    475: "frames between a function and a tracer that shares it with a kprobe are not modeled",
  },
};

for (const name of ["definitions", "files", "settings", "triggers", "more_triggers"]) {
  Deno.test(`what a real x86_64 kernel answered, the model answers: ${name}`, async () => {
    const recorded = await readSession(name);
    const typed = await typeSession(recorded.map(({ command }) => command));
    const different = DIFFERENT[name] ?? {};
    for (const [at, exchange] of recorded.entries()) {
      const answer = typed[at];
      if (answer === undefined) throw new Error(`nothing was answered to ${exchange.command}`);
      const same = JSON.stringify(comparable(answer)) === JSON.stringify(comparable(exchange));
      if (at in different) assertEquals(same, false, `${name} ${at} agrees now: ${exchange.command}`);
      else assertEquals(comparable(answer), comparable(exchange), `${name} ${at}: ${exchange.command}`);
    }
  });
}
