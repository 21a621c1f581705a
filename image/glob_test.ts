import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { globMatcher, isGlob } from "./glob.ts";

function matching(glob: string, names: readonly string[]): string[] {
  return names.filter(globMatcher(glob));
}

const NAMES = ["vfs_open", "vfs_read", "vfs_readv", "do_sys_open", "getname_flags.part.0", "a+b", "[x]"];

Deno.test("stars, question marks and brackets", () => {
  assertEquals(matching("vfs_*", NAMES), ["vfs_open", "vfs_read", "vfs_readv"]);
  assertEquals(matching("*open", NAMES), ["vfs_open", "do_sys_open"]);
  assertEquals(matching("vfs_rea?", NAMES), ["vfs_read"]);
  assertEquals(matching("vfs_[a-p]*", NAMES), ["vfs_open"]);
  assertEquals(matching("vfs_[!a-p]*", NAMES), ["vfs_read", "vfs_readv"]);
  assertEquals(matching("vfs_[^a-p]*", NAMES), ["vfs_read", "vfs_readv"]);
  assertEquals(matching("*.part.*", NAMES), ["getname_flags.part.0"]);
  assertEquals(matching("**", NAMES), NAMES);
});

Deno.test("everything else stands for itself", () => {
  assertEquals(matching("vfs_open", NAMES), ["vfs_open"]);
  assertEquals(matching("a+?", NAMES), ["a+b"]);
  assertEquals(matching("\\[x*", NAMES), ["[x]"]);
  assertEquals(matching("[x", ["[x", "x"]), ["[x"]);
  assertEquals(matching("[]x]", ["]", "x", "y"]), ["]", "x"]);
  assertEquals(matching("[z-a]", ["a", "m", "z", "-"]), []);
  assertEquals(matching("[!z-a]", ["a", "-"]), ["a", "-"]);
});

Deno.test("any text matches itself once escaped, and itself with a star", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const escaped = text.replace(/[*?[\]\\]/g, "\\$&");
    assertEquals(globMatcher(escaped)(text), true);
    assertEquals(globMatcher(`${escaped}*`)(`${text}tail`), true);
    assertEquals(globMatcher(`?${escaped}`)(text), false);
  }));
});

Deno.test("globs are told from names", () => {
  assertEquals(["vfs_*", "a?", "[ab]", "getname_flags.part.0"].map(isGlob), [true, true, true, false]);
});
