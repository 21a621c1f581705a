import { assertEquals } from "@std/assert";
import { declaration, typeText } from "./ctype_text.ts";
import type { CType } from "./model.ts";

const VOID: CType = { kind: "void", id: 0 };
const INT: CType = { kind: "int", id: 1, name: "int", size: 4, signed: true, encoding: "int" };
const CHAR: CType = { kind: "int", id: 2, name: "char", size: 1, signed: true, encoding: "char" };
const FILE: CType = { kind: "struct", id: 3, name: "file", size: 232, members: [] };

function ptr(to: CType): CType {
  return { kind: "ptr", id: 9, to };
}

function constant(to: CType): CType {
  return { kind: "const", id: 9, name: "", to };
}

function array(of: CType, length: number): CType {
  return { kind: "array", id: 9, of, length };
}

function fn(ret: CType, ...params: CType[]): CType {
  return { kind: "func_proto", id: 9, ret, params: params.map((type) => ({ name: "", type })) };
}

Deno.test("types without a name", () => {
  const texts: [CType, string][] = [
    [VOID, "void"],
    [ptr(VOID), "void *"],
    [ptr(FILE), "struct file *"],
    [ptr(constant(FILE)), "const struct file *"],
    [constant(ptr(CHAR)), "char * const"],
    [ptr(ptr(CHAR)), "char **"],
    [ptr(constant(ptr(constant(CHAR)))), "const char * const *"],
    [array(CHAR, 16), "char[16]"],
    [array(array(INT, 3), 2), "int[2][3]"],
    [array(CHAR, 0), "char[]"],
    [array(ptr(FILE), 2), "struct file *[2]"],
    [ptr(array(INT, 4)), "int (*)[4]"],
    [ptr(fn(INT, ptr(FILE), INT)), "int (*)(struct file *, int)"],
    [ptr(fn(VOID)), "void (*)(void)"],
    [ptr(constant(array(CHAR, 4))), "char (*)[4]"],
    [array(ptr(fn(VOID, INT)), 2), "void (*[2])(int)"],
    [ptr(fn(INT, ptr(CHAR), VOID)), "int (*)(char *, ...)"],
    [fn(ptr(fn(VOID, INT)), INT), "void (*(int))(int)"],
    [{ kind: "typedef", id: 9, name: "umode_t", to: INT }, "umode_t"],
    [{ kind: "struct", id: 9, name: "", size: 1, members: [] }, "struct {...}"],
    [{ kind: "enum", id: 9, name: "pid_type", size: 4, signed: false, values: new Map() }, "enum pid_type"],
    [{ kind: "fwd", id: 9, name: "opaque", union: true }, "union opaque"],
    [ptr({ kind: "type_tag", id: 9, name: "user", to: constant(CHAR) }), "const char __user *"],
    [
      { kind: "volatile", id: 9, name: "", to: { kind: "float", id: 8, name: "double", size: 8 } },
      "volatile double",
    ],
  ];
  for (const [type, text] of texts) assertEquals(typeText(type), text);
});

Deno.test("declarations of a name", () => {
  assertEquals(declaration(ptr(constant(FILE)), "file"), "const struct file * file");
  assertEquals(declaration(ptr(ptr(CHAR)), "argv"), "char ** argv");
  assertEquals(declaration(array(CHAR, 16), "comm"), "char comm[16]");
  assertEquals(declaration(array(ptr(CHAR), 2), "names"), "char * names[2]");
  assertEquals(declaration(ptr(fn(VOID, ptr(VOID))), "callback"), "void (*callback)(void *)");
  assertEquals(declaration(array(ptr(fn(VOID)), 4), "handlers"), "void (*handlers[4])(void)");
  assertEquals(declaration(constant(ptr(fn(INT))), "op"), "int (* const op)(void)");
  assertEquals(declaration(INT, "flags"), "int flags");
});
