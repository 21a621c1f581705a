/**
 * Verbs: programs that make one call, for probes that wait for just that.
 *
 * @module
 */

import { Host } from "../../kernel/net/link/host.ts";
import { parseValue } from "../replay/parse_value.ts";
import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { installProgram, startProgram } from "./start_program.ts";

/** A file is opened and read, `times` times. */
export function readVerb(path: string, times: number): Workload {
  return verb("read", `${path} is read ${times} times`, function* (sys) {
    const fd = yield* sys.open(path);
    for (let time = 0; time < times; time++) yield* sys.pread(fd, 4096, 0);
    yield* sys.read(fd, 4096);
    yield* sys.close(fd);
  });
}

/** A program sleeps for `ns` nanoseconds. */
export function nanosleepVerb(ns: number): Workload {
  return verb("nanosleep", `a program sleeps ${ns} ns`, function* (sys) {
    yield* sys.nanosleep(ns);
  });
}

/** A file is opened: by `open` where the architecture has that call, else by `openat`. */
export function openVerb(path: string): Workload {
  return verb("open", `${path} is opened by open`, function* (sys) {
    const fd = yield* sys.call("open", path, 0);
    if (fd >= 0) yield* sys.close(fd);
  });
}

/** A file is opened by `openat`. */
export function openatVerb(path: string): Workload {
  return verb("openat", `${path} is opened by openat`, function* (sys) {
    const fd = yield* sys.open(path);
    if (fd >= 0) yield* sys.close(fd);
  });
}

/** A program is executed, with words separated by blanks as its arguments. */
export function execveVerb(path: string, words: string): Workload {
  const argv = [path, ...words.split(/\s+/).filter((word) => word !== "")];
  return programWorkload({
    name: "execve",
    description: `${argv.join(" ")} is executed`,
    prepare: (k) => installProgram(k, path),
    programs: [{ program: (sys) => startProgram(sys, path, argv) }],
  });
}

/**
 * A TCP connection is tried: refused on loopback, answered by the host 192.0.2.1 on ports 7 (echo) and 80 (http) and
 * refused on its others, and lost on the way to any other address.
 */
export function connectVerb(host: string, port: number): Workload {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(host) || host.split(".").some((part) => Number(part) > 255)) {
    throw new Error(`Cannot connect to "${host}": give an IPv4 address, as in 127.0.0.1`);
  }
  if (port > 65535) throw new Error(`Cannot connect to port ${port}: ports go up to 65535`);
  return verb("connect", `a program connects to ${host}:${port}`, function* (sys) {
    const fd = yield* sys.call("socket", parseValue("AF_INET"), parseValue("SOCK_STREAM"), 0);
    const address = `{sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("${host}")}`;
    yield* sys.call("connect", fd, parseValue(address), 16);
    yield* sys.close(fd);
  });
}

const PEER = "192.0.2.1";
const HOSTS = new TextEncoder().encode("127.0.0.1 localhost\n");

function verb(name: string, description: string, program: (sys: Sys) => Steps<void>): Workload {
  return programWorkload({
    name,
    description,
    prepare(k): void {
      k.vfs.makePath("/etc/hosts", { content: HOSTS });
      if (name === "connect") {
        k.net.hosts.set(PEER, new Host({ address: PEER, ports: { 7: "echo", 80: "http" } }));
      }
    },
    programs: [{ comm: name, program }],
  });
}
