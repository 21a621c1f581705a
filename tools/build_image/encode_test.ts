import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ImageFile } from "../../image/image.ts";
import { loadInflater } from "../../image/inflate.ts";
import type { Arch, CType } from "../../image/mod.ts";
import type { BtfType } from "./btf.ts";
import { btfTypes } from "./btf_arbitrary.ts";
import { encodeImage } from "./encode.ts";
import type { KernelFacts, SymbolFact, TextFact } from "./facts.ts";
import { wholeSource } from "./source.ts";

function facts(some: Partial<KernelFacts>): KernelFacts {
  return {
    arch: "x86_64",
    release: "6.1.0-test",
    symbols: [],
    types: [undefined],
    text: [],
    traceable: undefined,
    tracepoints: [],
    blacklist: [],
    syscalls: [],
    ...some,
  };
}

await loadInflater();

function opened(some: Partial<KernelFacts>) {
  return new ImageFile(encodeImage(wholeSource(facts(some))), "test");
}

/** Type ids of what a type refers to, and its own plain properties. */
function shape(type: CType): unknown {
  switch (type.kind) {
    case "ptr":
      return { kind: type.kind, to: refer(() => type.to) };
    case "array":
      return { kind: type.kind, of: refer(() => type.of), length: type.length };
    case "struct":
    case "union":
      return {
        kind: type.kind,
        name: type.name,
        size: type.size,
        members: type.members.map((m) => [m.name, refer(() => m.type), m.bitOffset, m.bitSize]),
      };
    case "typedef":
    case "type_tag":
    case "const":
    case "volatile":
    case "restrict":
      return { kind: type.kind, name: type.name, to: refer(() => type.to) };
    case "func_proto":
      return {
        kind: type.kind,
        ret: refer(() => type.ret),
        params: type.params.map((p) => [p.name, refer(() => p.type)]),
      };
    case "enum":
      return {
        kind: type.kind,
        name: type.name,
        size: type.size,
        signed: type.signed,
        values: [...type.values],
      };
    case "fwd":
      return { kind: type.kind, name: type.name, union: type.union };
    default:
      return { kind: type.kind, name: "name" in type ? type.name : "", size: "size" in type ? type.size : 0 };
  }
}

function refer(get: () => CType): number | "no type" {
  try {
    return get().id;
  } catch {
    return "no type";
  }
}

/** What `shape` must say of a BTF type. */
function expected(types: readonly (BtfType | undefined)[], type: BtfType): unknown {
  const id = (to: number) => isType(types[to]) || to === 0 ? to : "no type";
  switch (type.kind) {
    case "ptr":
      return { kind: type.kind, to: id(type.to) };
    case "array":
      return { kind: type.kind, of: id(type.of), length: type.length };
    case "struct":
    case "union":
      return { ...type, members: type.members.map((m) => [m.name, id(m.type), m.bitOffset, m.bitSize]) };
    case "typedef":
    case "type_tag":
      return { ...type, to: id(type.to) };
    case "const":
    case "volatile":
    case "restrict":
      return { kind: type.kind, name: "", to: id(type.to) };
    case "func_proto":
      return { kind: type.kind, ret: id(type.ret), params: type.params.map((p) => [p.name, id(p.type)]) };
    case "enum":
      return { ...type, values: [...new Map(type.values.map(([name, value]) => [name, Number(value)]))] };
    case "fwd":
      return { ...type };
    default:
      return { kind: type.kind, name: type.name, size: "size" in type ? type.size : 0 };
  }
}

function isType(type: BtfType | undefined): type is BtfType {
  return type !== undefined && !["func", "var", "datasec", "decl_tag"].includes(type.kind);
}

Deno.test("any BTF type reads back through an image", () => {
  fc.assert(fc.property(btfTypes(), (list) => {
    // A pointer to each type, as an argument of a function, makes each reachable by the API.
    const types: (BtfType | undefined)[] = [undefined, ...list];
    const count = types.length;
    types.push({ kind: "func_proto", ret: 0, params: types.map((_, id) => ({ name: `a${id}`, type: id })) });
    types.push({ kind: "func", name: "probe everything", proto: count, linkage: 1 });
    const image = opened({ types });
    const params = image.prototype("probe everything")!.params;
    types.slice(0, count).forEach((type, id) => {
      if (isType(type)) assertEquals(shape(params[id]!.type), expected(types, type));
    });
  }));
});

const KERNEL: Readonly<Record<Arch, number>> = {
  x86_64: -0x7f00_0000,
  arm64: -0x7fff_f800_0000,
  i386: 0xc100_0000,
};

Deno.test("symbols read back by name and by address", () => {
  const arbitrary = fc.record({
    arch: fc.constantFrom<Arch>("x86_64", "arm64", "i386"),
    symbols: fc.array(
      fc.record({
        name: fc.stringMatching(/^[a-c]{1,3}$/),
        offset: fc.nat({ max: 5000 }),
        letter: fc.constantFrom("t", "T", "d", "b"),
        module: fc.option(fc.constantFrom("ext4", "jbd2"), { nil: undefined }),
      }),
      { minLength: 1, maxLength: 60 },
    ),
  });
  fc.assert(fc.property(arbitrary, ({ arch, symbols }) => {
    const list = symbols.map(({ name, offset, letter, module }): SymbolFact => ({
      name,
      address: KERNEL[arch] + offset,
      letter,
      ...(module === undefined ? {} : { module }),
    }));
    const image = opened({ arch, symbols: list });
    for (const { name } of list) {
      const first = list.find((symbol) => symbol.name === name)!;
      const { size, ...found } = image.symbol(name)!;
      assertEquals<unknown>(found, first);
      assert(size > 0);
    }
    for (const { address } of list) {
      const at = image.symbolAt(address)!;
      assertEquals(at.offset, 0);
      assertEquals(at.symbol.name, list.find((symbol) => symbol.address === address)!.name);
      assertEquals(image.symbolAt(address + at.symbol.size - 1)?.symbol.address, address);
    }
    assertEquals(image.symbolAt(KERNEL[arch] - 1), undefined);
    assertEquals(image.symbol("zzz"), undefined);
  }));
});

Deno.test("text reads back: sizes, boundaries, call sites and callers", () => {
  const fn = fc.record({
    lengths: fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 20 }),
    calls: fc.uniqueArray(fc.nat({ max: 19 }), { maxLength: 5 }),
    kind: fc.constantFrom("call" as const, "jump" as const, "indirect" as const),
    target: fc.nat({ max: 99 }),
    traceable: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(fn, { minLength: 1, maxLength: 100 }), (list) => {
    const names = list.map((_, i) => `fn_${i}`);
    const symbols = names.map((name, i): SymbolFact => ({
      name,
      address: KERNEL.x86_64 + i * 512,
      letter: "t",
    }));
    const text = list.map(({ lengths, calls, kind, target }, i): TextFact => {
      const starts = lengths.map((_, n) => lengths.slice(0, n).reduce((a, b) => a + b, 0));
      return {
        name: names[i]!,
        address: symbols[i]!.address,
        size: lengths.reduce((a, b) => a + b, 0),
        lengths: Uint8Array.from(lengths),
        calls: calls.filter((n) => n < starts.length).sort((a, b) => a - b).map((n) => ({
          offset: starts[n]!,
          kind,
          target: kind === "indirect" ? "*%rax" : names[target % names.length]!,
        })),
      };
    });
    const traceable = names.filter((_, i) => list[i]!.traceable);
    const image = opened({ symbols, text, traceable });
    assertEquals(image.functions(), traceable);
    for (const fact of text.filter(({ name }) => traceable.includes(name))) {
      const found = image.func(fact.name)!;
      assertEquals([found.address, found.size], [fact.address, fact.size]);
      assertEquals(
        [...found.boundaries()],
        Array.from(fact.lengths, (_, n) => fact.lengths.slice(0, n).reduce((a, b) => a + b, 0)),
      );
      assertEquals(found.callSites().map(({ offset, kind, target }) => ({ offset, kind, target })), [
        ...fact.calls,
      ]);
      for (const site of found.callSites()) {
        const index = found.boundaries().indexOf(site.offset);
        assertEquals(site.returnOffset, site.offset + fact.lengths[index]!);
      }
    }
    for (const name of names) {
      const direct = text.flatMap((fact) =>
        fact.calls.filter((call) => call.target === name).map((call) => `${fact.name}+${call.offset}`)
      );
      assertEquals(image.callersOf(name).map(({ caller, site }) => `${caller}+${site.offset}`), direct);
    }
  }));
});

Deno.test("an image brings shapes of its own kernel where it was built with some, and is the same without", () => {
  const source = wholeSource(facts({}));
  const shapes = Uint8Array.of(1, 2, 3);
  assertEquals(new ImageFile(encodeImage(source), "test").shapes(), undefined);
  const image = new ImageFile(encodeImage(source, shapes), "test");
  assertEquals([...image.shapes() ?? []], [...shapes]);
  assertEquals([...image.symbols()], [...new ImageFile(encodeImage(source), "test").symbols()]);
});
