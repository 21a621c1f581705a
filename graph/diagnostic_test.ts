import { assertEquals } from "@std/assert";
import { type Diagnostic, renderDiagnostic, renderDiagnostics, reporter } from "./diagnostic.ts";

Deno.test("the caret stands under what is meant, also in a later line and behind tabs", () => {
  const source = "(c) => {\n\treturn c.args.flie;\n}";
  const start = source.indexOf("c.args.flie");
  assertEquals(
    renderDiagnostic({
      severity: "error",
      message: 'No argument "flie"',
      hint: 'did you mean "file"?',
      probe: "kprobe:vfs_open",
      span: { start, end: start + "c.args.flie".length, source },
    }),
    'kprobe:vfs_open: error: No argument "flie"\n' +
      "  \treturn c.args.flie;\n" +
      "  \t       ^^^^^^^^^^^\n" +
      '  hint: did you mean "file"?',
  );
});

Deno.test("a span over several lines is marked to the end of its first", () => {
  const source = "(c) => c.pid &&\n  c.tid";
  assertEquals(
    renderDiagnostic({
      severity: "warning",
      message: "m",
      probe: "",
      span: { start: 7, end: source.length, source },
    }),
    "warning: m\n  (c) => c.pid &&\n         ^^^^^^^^",
  );
});

Deno.test("without a source there is no excerpt, and an empty span still has a caret", () => {
  assertEquals(
    renderDiagnostic({ severity: "error", message: "m", probe: "p", span: { start: 1, end: 2 } }),
    "p: error: m",
  );
  const lines = renderDiagnostic({
    severity: "error",
    message: "m",
    probe: "p",
    span: { start: 3, end: 3, source: "abc" },
  });
  assertEquals(lines, "p: error: m\n  abc\n     ^");
});

Deno.test("the same finding is listed once per probe", () => {
  const list: Diagnostic[] = [];
  const report = reporter(list, "p");
  report("error", "a");
  report("error", "a");
  report("error", "a", { span: { start: 1, end: 2 } });
  reporter(list, "q")("error", "a");
  assertEquals(list.map((d) => d.probe), ["p", "p", "q"]);
  assertEquals(renderDiagnostics(list).split("\n").length, 3);
});
