/**
 * A web server and its clients, over loopback: a child for each connection sends a file.
 *
 * @module
 */

import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { acceptOne, connectTo, listenOn } from "./socket_steps.ts";

const PORT = 8080;
const ROOT = "/srv/index.html";

function* serve(sys: Sys, connections: number): Steps<void> {
  const listener = yield* listenOn(sys, PORT, 16);
  for (let served = 0; served < connections; served++) {
    const fd = yield* acceptOne(sys, listener);
    if (fd < 0) break;
    yield* sys.fork(function* (child) {
      yield* child.close(listener);
      const request = yield* child.readText(fd, 1024);
      const file = yield* child.open(request?.startsWith("GET / ") === true ? ROOT : "/srv/none");
      if (file < 0) {
        yield* child.write(fd, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
        return;
      }
      yield* child.fstat(file);
      yield* child.write(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
      for (let sent = 1; sent > 0;) sent = yield* child.call("sendfile", fd, file, 0, 65536);
      yield* child.close(file);
      yield* child.call("shutdown", fd, 1);
      yield* child.close(fd);
    });
    yield* sys.close(fd);
    if (served % 2 === 1) yield* sys.wait();
  }
  yield* sys.close(listener);
}

function* fetch(sys: Sys, requests: number): Steps<void> {
  for (let request = 0; request < requests; request++) {
    const fd = yield* connectTo(sys, "127.0.0.1", PORT);
    if (fd < 0) return;
    yield* sys.write(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (let got = 1; got > 0;) got = yield* sys.read(fd, 16384);
    yield* sys.close(fd);
    yield* sys.nanosleep(200_000);
  }
}

/** The workload: `clients` programs that ask `requests` times each for a page of `size` bytes. */
export function webWorkload(clients: number, requests: number, size: number): Workload {
  return programWorkload({
    name: "web",
    description: `a web server on loopback and ${clients} clients with ${requests} requests each`,
    prepare(k): void {
      k.vfs.makePath(ROOT, { content: new Uint8Array(size).fill(0x2e) });
    },
    programs: [
      { comm: "httpd", program: (sys) => serve(sys, clients * requests) },
      ...Array.from({ length: clients }, (_, at) => ({
        comm: "wget",
        *program(sys: Sys): Steps<void> {
          yield* sys.nanosleep(500_000 + 50_000 * at);
          yield* fetch(sys, requests);
        },
      })),
    ],
  });
}
