/**
 * Functions on memory and symbols.
 *
 * @module
 */

import { BUFFER, STRING, UINT64 } from "../types.ts";
import type { BufferValue } from "../value.ts";
import { bytesAt, type ContextFunction, near } from "./function.ts";

/** Most bytes that one call copies. */
const MAX_BYTES = 1024;

/** Bytes that are copied where no length is given. */
const DEFAULT_BYTES = 64;

const buf: ContextFunction = {
  name: "buf",
  summary: "a copy of bytes in memory",
  parameters: [{ name: "address", kind: "bytes" }, { name: "length", kind: "integer", optional: true }],
  result: BUFFER,
  run: ({ hit, types }, address, length): BufferValue => {
    const [type] = types;
    const all = type?.kind === "array" ? type.length : DEFAULT_BYTES;
    const count = Math.min(Math.max(0, length === undefined ? all : near(length)), MAX_BYTES);
    return { kind: "buffer", bytes: bytesAt(hit, address, count) };
  },
};

const kaddr: ContextFunction = {
  name: "kaddr",
  summary: "the address of a kernel symbol; 0 where there is none",
  parameters: [{ name: "symbol", kind: "string" }],
  result: UINT64,
  run: ({ image }, symbol) => {
    const address = image.symbol(String(symbol))?.address ?? 0;
    return address < 0 ? BigInt.asUintN(64, BigInt(address)) : address;
  },
};

const path: ContextFunction = {
  name: "path",
  summary: "the full name of the file that a struct path leads to",
  parameters: [{ name: "path", kind: "any" }],
  result: STRING,
  run: ({ hit }, address) => hit.path(near(address)),
};

const cgroupid: ContextFunction = {
  name: "cgroupid",
  summary: "the id of a control group by its path; 0 where there is none",
  parameters: [{ name: "path", kind: "string" }],
  result: UINT64,
  run: (_call, path) => /^(\/sys\/fs\/cgroup)?\/?$/.test(String(path)) ? ROOT_CGROUP : 0,
};

/** The model's tasks are all in the root control group. */
const ROOT_CGROUP = 1;

const cgroup_path: ContextFunction = {
  name: "cgroup_path",
  summary: "the path of a control group by its id",
  parameters: [{ name: "id", kind: "integer" }],
  result: STRING,
  run: (_call, id) => near(id) === ROOT_CGROUP ? "/" : "",
};

/** Functions on memory and symbols. */
export const MEMORY_FUNCTIONS: readonly ContextFunction[] = [buf, kaddr, path, cgroupid, cgroup_path];
