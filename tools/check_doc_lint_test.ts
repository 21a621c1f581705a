import { assertEquals } from "@std/assert";
import { readReport } from "./check_doc_lint.ts";

const REPORT = `error[missing-jsdoc]: exported symbol is missing JSDoc documentation
  --> /project/session/run.ts:54:12
   |
54 |   readonly statistics: RunStatistics;
   |            ^


error[missing-jsdoc]: exported symbol is missing JSDoc documentation
  --> /project/types/kernel.ts:5:1
   |


error[private-type-ref]: public type 'Kernel.prototype.clock' references private type 'Clock'
  --> /project/kernel/kernel.ts:41:3
   |


error[private-type-ref]: public type 'RunResult["outcome"]' references private type 'RunOutcome'
  --> /project/session/run.ts:61:3
   |


error: Found 4 documentation lint errors.
`;

Deno.test("findings keep their place; only generated declarations and the members named as inner are left out", () => {
  assertEquals(readReport(REPORT, "/project"), [
    {
      level: "error",
      path: "session/run.ts",
      line: 54,
      message: "exported symbol is missing JSDoc documentation (missing-jsdoc)",
    },
    {
      level: "error",
      path: "session/run.ts",
      line: 61,
      message: `public type 'RunResult["outcome"]' references private type 'RunOutcome' (private-type-ref)`,
    },
  ]);
});
