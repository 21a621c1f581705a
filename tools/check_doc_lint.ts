/**
 * Lints the docs of what `mod.ts` exports: `deno run --allow-run tools/check_doc_lint.ts`.
 *
 * `deno doc --lint` knows no exceptions, and two are needed: generated declarations of the kernel's own types have no
 * docs to write (5,000 fields), and the few members in `INNER` hand out types that are documented where they stand and
 * are not exported one by one.
 *
 * @module
 */

import { type Finding, formatFinding } from "./check_tree.ts";

/** Files whose declarations are generated. */
const GENERATED = /^types\/kernel\.ts$/;

/** Public members whose types are no part of the public surface. Any other must be exported with what it names. */
const INNER: readonly RegExp[] = [
  // The subsystems of a kernel, for scripts that go below probes.
  /^Kernel\.prototype\./,
  // The graph is data: its nodes are read by position and documented in graph/nodes.ts.
  /^ProbeGraph\["(version|probes|maps)"\]$/,
  // How builder and program, session and attachment know one another.
  /^(Probe\.prototype\.|MapProbe\.prototype\.|RowProbe\.prototype\.|AnyProbe\[")SPEC("\])?$/,
  /^Session\.prototype\.(compiled|output|adopt)$/,
];

/** Reads the report of `deno doc --lint`, without colours. Paths become relative to `root`. */
export function readReport(report: string, root: string): Finding[] {
  const findings: Finding[] = [];
  for (const block of report.split(/\n(?=error\[)|^(?=error\[)/)) {
    const head = /^error\[([\w-]+)\]: (.*)/.exec(block);
    const place = /^\s*--> (.*?):(\d+):(\d+)\s*$/m.exec(block);
    if (head === null || place === null) continue;
    const path = place[1]!.startsWith(`${root}/`) ? place[1]!.slice(root.length + 1) : place[1]!;
    if (GENERATED.test(path)) continue;
    const referrer = head[1] === "private-type-ref" ? /^public type '(.*?)' /.exec(head[2]!)?.[1] : undefined;
    if (referrer !== undefined && INNER.some((pattern) => pattern.test(referrer))) continue;
    findings.push({ level: "error", path, line: Number(place[2]), message: `${head[2]} (${head[1]})` });
  }
  return findings;
}

if (import.meta.main) {
  const root = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
  const { code, stderr, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", "mod.ts"],
    cwd: root,
    env: { NO_COLOR: "1" },
  }).output();
  const report = new TextDecoder().decode(stderr);
  const findings = readReport(report, root);
  for (const finding of findings) console.error(formatFinding(finding));
  // A report in another form must not pass for an empty one.
  const understood = code === 0 || /^error\[/m.test(report);
  if (!understood) console.error(report || new TextDecoder().decode(stdout));
  console.log(`Linted the docs of mod.ts: ${findings.length} violations`);
  if (findings.length > 0 || !understood) Deno.exit(1);
}
