import { assertEquals } from "@std/assert";
import { timeText } from "./time_text.ts";

Deno.test("a time takes the largest unit that it fills, and no needless zeros", () => {
  const cases = [[0, "0ns"], [731, "731ns"], [1000, "1us"], [12_500, "12.5us"], [3_042_100, "3.042ms"], [
    1_500_000_000,
    "1.5s",
  ], [100_000_000_000, "100s"]] as const;
  for (const [ns, text] of cases) assertEquals(timeText(ns), text);
});
