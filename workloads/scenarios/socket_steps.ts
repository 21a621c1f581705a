/**
 * Steps that programs with sockets share.
 *
 * @module
 */

import { array, number } from "../replay/build_value.ts";
import { parseValue } from "../replay/parse_value.ts";
import type { Steps } from "../program.ts";
import type { Sys } from "../sys.ts";

/** Makes a TCP socket that listens on a port at all addresses: its descriptor, or -errno. */
export function* listenOn(sys: Sys, port: number, backlog: number): Steps<number> {
  const fd = yield* sys.call("socket", parseValue("AF_INET"), parseValue("SOCK_STREAM"), 0);
  yield* sys.call(
    "setsockopt",
    fd,
    parseValue("SOL_SOCKET"),
    parseValue("SO_REUSEADDR"),
    array(number(1)),
    4,
  );
  const error = yield* sys.call("bind", fd, parseValue(inet("0.0.0.0", port)), 16);
  if (error < 0) return error;
  yield* sys.call("listen", fd, backlog);
  return fd;
}

/** Accepts a connection: its descriptor, or -errno. */
export function* acceptOne(sys: Sys, listener: number): Steps<number> {
  return yield* sys.call("accept4", listener, 0, 0, 0);
}

/** Connects: the descriptor, or -errno. */
export function* connectTo(sys: Sys, host: string, port: number): Steps<number> {
  const fd = yield* sys.call("socket", parseValue("AF_INET"), parseValue("SOCK_STREAM"), 0);
  const error = yield* sys.call("connect", fd, parseValue(inet(host, port)), 16);
  if (error === 0) return fd;
  yield* sys.close(fd);
  return error;
}

function inet(host: string, port: number): string {
  return `{sa_family=AF_INET, sin_port=htons(${port}), sin_addr=inet_addr("${host}")}`;
}
