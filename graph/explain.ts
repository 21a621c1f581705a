/**
 * A program as a tree of text: where it attaches, what each hit runs through, what names and fields became.
 *
 * @module
 */

import type { KernelImage } from "../image/model.ts";
import { addressText } from "../image/address.ts";
import { analyze, type AnalyzedPoint, compile } from "./compile.ts";
import { renderDiagnostic } from "./diagnostic.ts";
import { exprText, irText, statementText } from "./expr_text.ts";
import type { Ir, IrStatement, IrStep } from "./ir.ts";
import { children } from "./ir.ts";
import type { Aggregation, MapNode, ProbeGraph, Program } from "./nodes.ts";
import { innerStatements, ownExpressions } from "./statements.ts";
import { type Node, tree } from "./tree.ts";
import { typeText } from "./types.ts";

/** What `explain` shows. */
export interface ExplainOptions {
  /** Also the JavaScript of each handler. Default false. */
  readonly code?: boolean;
  /** Attach points shown per probe where a glob has many. Default 3. */
  readonly points?: number;
}

/**
 * Explains a program against a kernel image, as lines of text. What is wrong with the program is shown too, so it
 * never throws for that.
 */
export function explain(program: Program, image: KernelImage, options: ExplainOptions = {}): string {
  const { points, diagnostics } = analyze(program, image);
  const failed = diagnostics.some((d) => d.severity === "error");
  const code = options.code === true && !failed
    ? compile(program, image).attachments.map((attachment) => attachment.source)
    : [];
  const shown = options.points ?? 3;
  const roots = program.graph.probes.map((probe, index): Node => {
    const mine = points.flatMap((point, i) => point.probe === index ? [{ point, code: code[i] }] : []);
    const nodes = mine.slice(0, shown).map(({ point, code }) => pointNode(point, program.graph, image, code));
    const more = mine.length - nodes.length;
    if (more > 0) nodes.push({ text: `and ${more} more`, children: [] });
    return { text: probe.name, children: nodes };
  });
  const maps: Node = {
    text: "maps",
    children: program.graph.maps.map((map) => ({
      text: `@${map.name}${map.keyParts > 0 ? `[${map.keyParts}]` : ""} = ${
        aggregationText(map.aggregation, "…")
      }${optionsText(map)}`,
      children: [],
    })),
  };
  const lines = [...roots, ...(maps.children.length > 0 ? [maps] : [])].map(tree).join("");
  const problems = diagnostics.map((d) => `${renderDiagnostic(d)}\n`).join("");
  return `${lines}${problems}`;
}

/** What a map was told besides how it aggregates. */
function optionsText(map: MapNode): string {
  const options = [
    map.maxEntries === undefined ? "" : `at most ${map.maxEntries} keys`,
    map.lru === true ? "the oldest are forgotten" : "",
    map.perCpu === true ? "per CPU" : "",
    map.top === undefined ? "" : `the ${map.top} largest shown`,
    map.shown === false ? "not shown" : "",
  ].filter((option) => option !== "");
  return options.length === 0 ? "" : `, ${options.join(", ")}`;
}

function pointNode(
  point: AnalyzedPoint,
  graph: ProbeGraph,
  image: KernelImage,
  code: string | undefined,
): Node {
  const { at, steps } = point;
  const where = at.address === undefined ? at.name : `${at.name} at ${addressText(image.arch, at.address)}`;
  const nodes: Node[] = steps.map((step) => stepNode(step, graph, image));
  if (at.prototype !== undefined) nodes.unshift({ text: at.prototype.text, children: [] });
  if (code !== undefined) {
    nodes.push({ text: "handler", children: code.split("\n").map((text) => ({ text, children: [] })) });
  }
  return { text: where, children: nodes };
}

function stepNode(step: IrStep, graph: ProbeGraph, image: KernelImage): Node {
  const value = (ir: Ir) => valueNode(ir, image);
  switch (step.op) {
    case "filter":
      return { ...value(step.test), text: `filter ${irText(step.test)}` };
    case "aggregate": {
      const map = graph.maps.find((m) => m.name === step.map);
      const what = step.value === undefined ? "" : irText(step.value);
      const nodes = step.key.map((part, i) => ({
        ...value(part),
        text: `key ${i}: ${describe(part, image)}`,
      }));
      const aggregation = map === undefined ? "?" : aggregationText(map.aggregation, what);
      const last = step.value === undefined ? [] : opaqueNodes(step.value);
      return { text: `@${step.map} = ${aggregation}`, children: [...nodes, ...last] };
    }
    case "limit":
      return { text: `the first ${step.count} hits`, children: [] };
    case "sample":
      return { text: `one hit in ${step.count}`, children: [] };
    case "do":
      return { text: "do", children: step.body.map((statement) => statementNode(statement, image)) };
    default:
      return statementNode(step, image);
  }
}

function statementNode(statement: IrStatement, image: KernelImage): Node {
  switch (statement.op) {
    case "expr":
      return valueNode(statement.value, image);
    case "let":
    case "set":
      return {
        ...valueNode(statement.value, image),
        text: `${statement.op === "let" ? "let " : ""}${statement.name} = ${
          describe(statement.value, image)
        }`,
      };
    case "print":
      return { text: "print", children: partNodes(statement.parts, image) };
    case "printf":
      return {
        text: `printf ${JSON.stringify(statement.format)}`,
        children: statement.args.map((arg) => valueNode(arg, image)),
      };
    case "if": {
      const nodes = statement.then.map((inner) => statementNode(inner, image));
      const otherwise = statement.else.map((inner) => statementNode(inner, image));
      if (otherwise.length > 0) nodes.push({ text: "else", children: otherwise });
      return { text: `if ${irText(statement.test)}`, children: nodes };
    }
    default: {
      const inner = innerStatements<Ir>(statement).flat().map((one) => statementNode(one, image));
      const opaque = ownExpressions<Ir>(statement).flatMap(opaqueNodes);
      return { text: statementText(statement, irText), children: [...opaque, ...inner] };
    }
  }
}

function partNodes(parts: readonly (string | Ir)[], image: KernelImage): readonly Node[] {
  return parts.map((part) =>
    typeof part === "string" ? { text: JSON.stringify(part), children: [] } : valueNode(part, image)
  );
}

function valueNode(ir: Ir, image: KernelImage): Node {
  return { text: describe(ir, image), children: opaqueNodes(ir) };
}

function describe(ir: Ir, image: KernelImage): string {
  return `${irText(ir)}: ${typeText(ir.type, image)}`;
}

/** Why parts of an expression run as they are. */
function opaqueNodes(ir: Ir): readonly Node[] {
  if (ir.op === "opaque") {
    return [{
      text: `runs as it is: ${ir.source}`,
      children: [{ text: `because ${ir.reason}`, children: [] }],
    }];
  }
  return children(ir).flatMap(opaqueNodes);
}

/** An aggregation as bpftrace writes it: `hist(retval)`, `lhist(pid, 0, 100, 10)`. */
export function aggregationText(aggregation: Aggregation, value: string): string {
  switch (aggregation.fn) {
    case "count":
      return "count()";
    case "value":
      return value === "…" ? "value" : value;
    case "hist":
      return aggregation.bits === 0 ? `hist(${value})` : `hist(${value}, ${aggregation.bits})`;
    case "lhist":
      return `lhist(${value}, ${aggregation.min}, ${aggregation.max}, ${aggregation.step})`;
    default:
      return `${aggregation.fn}(${value})`;
  }
}

/** A graph as text without an image: nothing is resolved, expressions are as the user wrote them. */
export function outline(graph: ProbeGraph): string {
  return graph.probes.map((probe) =>
    tree({
      text: probe.name,
      children: probe.steps.map((step): Node => {
        switch (step.op) {
          case "filter":
            return { text: `filter ${exprText(step.test)}`, children: [] };
          case "aggregate": {
            const map = graph.maps.find((m) => m.name === step.map);
            const value = step.value === undefined ? "" : exprText(step.value);
            const key = step.key.length === 0 ? "" : `[${step.key.map(exprText).join(", ")}]`;
            const aggregation = map === undefined ? "?" : aggregationText(map.aggregation, value);
            return { text: `@${step.map}${key} = ${aggregation}`, children: [] };
          }
          case "do":
            return {
              text: `do (${step.body.length} statement${step.body.length === 1 ? "" : "s"})`,
              children: [],
            };
          case "limit":
          case "sample":
            return { text: `${step.op} ${step.count}`, children: [] };
          default:
            return { text: statementText(step, exprText), children: [] };
        }
      }),
    })
  ).join("");
}
