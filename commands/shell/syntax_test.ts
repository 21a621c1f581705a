import { assertEquals, assertThrows } from "@std/assert";
import { parseCommands, ShellSyntaxError } from "./syntax.ts";

/** Words as text, quoted parts in brackets, variables with `$`. */
function words(text: string): readonly (readonly string[])[] {
  return (parseCommands(text) ?? []).map((command) =>
    command.words.map((word) =>
      word.map((part) => {
        const shown = part.kind === "text" ? part.text : `$${part.name}`;
        return part.quoted ? `[${shown}]` : shown;
      }).join("")
    )
  );
}

Deno.test("quotes keep what is in them together", () => {
  assertEquals(words(`echo 'p:x vfs_read $arg1' "a b"c d\\ e`), [[
    "echo",
    "[p:x vfs_read $arg1]",
    "[a b]c",
    "d[ ]e",
  ]]);
  assertEquals(words(`echo "a\\"b\\$c\\d" ''`), [["echo", '[a"b$c\\d]', "[]"]]);
  assertEquals(words('echo $A "${B}c" $?'), [["echo", "$A", "[][$B][c]", "$?"]]);
});

Deno.test("commands end at newlines, semicolons, && and ||; comments are none", () => {
  const commands = parseCommands("echo 1 > a; cat b && cat c # d; e\n# f\nls||pwd") ?? [];
  assertEquals(commands.map(({ source, after }) => [source, after]), [
    ["echo 1 > a", "always"],
    ["cat b", "always"],
    ["cat c", "success"],
    ["ls", "always"],
    ["pwd", "failure"],
  ]);
  assertEquals(words("echo a#b"), [["echo", "a#b"]]);
});

Deno.test("redirections stand anywhere", () => {
  const [command] = parseCommands("> a echo 1 2>&1 2>/dev/null >>b") ?? [];
  assertEquals(
    command?.redirections.map((
      { fd, append, target },
    ) => [fd, append, target?.[0]?.kind === "text" ? target[0].text : null]),
    [[1, false, "a"], [2, false, null], [2, false, "/dev/null"], [1, true, "b"]],
  );
  assertEquals(command?.words.length, 2);
});

Deno.test("an open quote asks for another line", () => {
  assertEquals(parseCommands("echo 'a"), null);
  assertEquals(parseCommands('echo "a'), null);
  assertEquals(parseCommands("echo a\\"), null);
  assertEquals(words("echo 'a\nb'"), [["echo", "[a\nb]"]]);
  assertEquals(words("echo a\\\n b"), [["echo", "a", "b"]]);
});

Deno.test("what is not understood is a sentence", () => {
  for (const text of ["cat a | grep b", "; ls", "ls && && ls", "echo >", "cat < a", "sleep 1 &"]) {
    assertThrows(() => parseCommands(text), ShellSyntaxError, "syntax error");
  }
});
