import { assertEquals } from "@std/assert";
import { decodeFilterFunctions, encodeFilterFunctions } from "./filter_functions.ts";

Deno.test("ftrace's list keeps its order, repetitions, modules and places without a symbol", () => {
  const symbols = [{ name: "a" }, { name: "b" }, { name: "c", module: "m" }];
  const lines = [{ symbol: 1 }, { symbol: 1 }, { invalid: 496 }, { symbol: 0 }, { symbol: 2 }];
  const text = decodeFilterFunctions(encodeFilterFunctions(lines), (index) => symbols[index]!);
  assertEquals(text, ["b", "b", "__ftrace_invalid_address___496", "a", "c [m]"]);
});
