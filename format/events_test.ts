import { assertEquals } from "@std/assert";
import {
  attachedJson,
  attachedText,
  lostJson,
  lostText,
  lostTotalText,
  mapFullText,
  outputJson,
  printJson,
  printText,
} from "./events.ts";

Deno.test("the lines around a run", () => {
  assertEquals([attachedText(1), attachedText(3), attachedText(0)], [
    "Attached 1 probe",
    "Attached 3 probes",
    "Attached 0 probes",
  ]);
  assertEquals(attachedJson(2), '{"type": "attached_probes", "count": 2, "data": {"probes": 2}}');
  assertEquals(lostText(3), "Lost 3 events");
  assertEquals(lostTotalText(3), "WARNING: Total lost event count: 3");
  assertEquals(lostJson(3), '{"type": "lost_events", "count": 3, "data": {"events": 3}}');
  assertEquals(mapFullText("m", 1).includes("@m: 1 update was lost"), true);
});

Deno.test("prints", () => {
  assertEquals(printText(["cat", 12, { kind: "tuple", items: [1, 2] }]), "cat 12 (1, 2)\n");
  assertEquals(printJson([{ kind: "tuple", items: [1, "z"] }]), '{"type": "value", "data": [1,"z"]}');
  assertEquals(printJson(["a", 1]), '{"type": "printf", "data": "a 1\\n"}');
  assertEquals(outputJson("time", "12\n"), '{"type": "time", "data": "12\\n"}');
});
