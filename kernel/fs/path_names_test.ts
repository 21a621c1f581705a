import { assertEquals } from "@std/assert";
import { pathNames } from "./path_names.ts";

Deno.test("the names of a path: no empty ones, no dots, but names that begin with them", () => {
  assertEquals(pathNames("/usr//share/./doc/"), ["usr", "share", "doc"]);
  assertEquals(pathNames("../.profile/.../a"), ["..", ".profile", "...", "a"]);
  assertEquals(pathNames("."), []);
  assertEquals(pathNames("/"), []);
  assertEquals(pathNames("x"), ["x"]);
  assertEquals(pathNames("/usr//share/./doc/"), ["usr", "share", "doc"]);
});
