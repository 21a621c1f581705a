import { assertEquals } from "@std/assert";
import { mergeShapes } from "./merge.ts";
import type { Shapes } from "./model.ts";
import { renderModule } from "./render.ts";

function shapes(part: Partial<Shapes>): Shapes {
  return { functions: new Map(), types: new Map(), tracepoints: new Map(), ...part };
}

const number = (name: string) => ({ name, type: "number" });

const merged = mergeShapes(
  new Map([
    [
      "x86_64",
      shapes({
        functions: new Map([
          ["both", { params: [number("a"), number("n")], ret: "number" }],
          ["only_x86", { params: [], ret: "undefined" }],
          ["split.part.0", undefined],
        ]),
        types: new Map([["pt_regs", [number("di"), number("ip")]], ["same", [number("x")]]]),
        tracepoints: new Map([["sched:a", [number("pid")]]]),
      }),
    ],
    [
      "i386",
      shapes({
        functions: new Map([["both", { params: [{ name: "a", type: "string" }], ret: "number" }]]),
        types: new Map([["pt_regs", [number("ip"), number("fs")]], ["same", [number("x")]]]),
        tracepoints: new Map([["sched:a", [number("pid")]], ["irq:b", []]]),
      }),
    ],
  ]),
);

Deno.test("what kernels share is said once, what only some have is marked", () => {
  const text = renderModule(merged, "./words.ts", "command");
  assertEquals(
    text.slice(text.indexOf("/** Kernel functions")),
    `/** Kernel functions by name. */
export interface Functions {
  both: Fn<{ a: number | string; /** x86_64 only */ n: number }, number>;
  only_x86: Fn<{}, undefined, "x86_64">;
  "split.part.0": Bare<"x86_64">;
}

/** Tracepoints by name. */
export interface Tracepoints {
  "irq:b": Tp<{}, "i386">;
  "sched:a": Tp<{ pid: number }>;
}

/** Structs and unions by name. */
export interface KernelTypes {
  pt_regs: pt_regs;
  same: same;
}

export interface pt_regs {
  /** x86_64 only */ di: number;
  ip: number;
  /** i386 only */ fs: number;
}
export interface same {
  x: number;
}
`,
  );
});

Deno.test("many equal entries are listed by name", () => {
  const names = Array.from({ length: 9 }, (_, i) => `f${i}`);
  const one = shapes({ functions: new Map(names.map((name) => [name, { params: [], ret: "number" }])) });
  const text = renderModule(mergeShapes(new Map([["arm64", one]])), "./words.ts", "command");
  const all = names.map((name) => `"${name}"`).join(" | ");
  assertEquals(
    text.includes(`export interface Functions extends\n  Same<${all}, Fn<{}, number>> {\n}`),
    true,
  );
});
