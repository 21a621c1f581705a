import { assertEquals } from "@std/assert";
import { parseValue } from "./parse_value.ts";
import { waitStatus } from "./wait_status.ts";

Deno.test("wait statuses from the macros that print them", () => {
  const cases: [string, number | undefined][] = [
    ["[{WIFEXITED(s) && WEXITSTATUS(s) == 0}]", 0],
    ["[{WIFEXITED(s) && WEXITSTATUS(s) == 3}]", 0x300],
    ["[{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}]", 9],
    ["[{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}]", 0x8b],
    ["[{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}]", 0x137f],
    ["[{WIFCONTINUED(s)}]", 0xffff],
    ["[256]", 256],
    ["0x7fff9eb6f90c", undefined],
    ["NULL", undefined],
  ];
  for (const [text, status] of cases) assertEquals(waitStatus(parseValue(text)), status, text);
});
