/**
 * An echo server whose clients are other hosts, at the end of a link that loses packets.
 *
 * @module
 */

import type { Kernel } from "../../kernel/kernel.ts";
import { Host } from "../../kernel/net/link/host.ts";
import { programWorkload, type Steps } from "../program.ts";
import type { Sys } from "../sys.ts";
import type { Workload } from "../workload.ts";
import { acceptOne, listenOn } from "./socket_steps.ts";

const PORT = 7;
const SIZE = 512;
/** How an `echo` workload is made; see `kscope workloads echo`. */
export interface EchoOptions {
  readonly clients: number;
  readonly requests: number;
  /** Packets of a hundred that the link loses. */
  readonly loss: number;
  /** One way, in microseconds. */
  readonly latency: number;
}

function* serve(sys: Sys, connections: number): Steps<void> {
  const listener = yield* listenOn(sys, PORT, 8);
  for (let served = 0; served < connections; served++) {
    const fd = yield* acceptOne(sys, listener);
    if (fd < 0) break;
    yield* sys.fork(function* (child) {
      yield* child.close(listener);
      for (;;) {
        const got = yield* child.read(fd, 4096);
        if (got <= 0) break;
        yield* child.write(fd, got);
      }
      yield* child.close(fd);
    });
    yield* sys.close(fd);
  }
  for (let served = 0; served < connections; served++) yield* sys.wait();
  yield* sys.close(listener);
}

/** The workload. */
export function echoWorkload({ clients, requests, loss, latency }: EchoOptions): Workload {
  return programWorkload({
    name: "echo",
    description: `an echo server and ${clients} hosts that send ${requests} messages each over a lossy link`,
    prepare(k: Kernel): void {
      k.net.link = { latency: latency * 1000, bandwidth: 1e9, loss: loss / 100 };
      for (let at = 0; at < clients; at++) {
        const address = `192.0.2.${10 + at % 240}`;
        const host = new Host({ address, ports: {} });
        k.net.hosts.set(address, host);
        const client = {
          to: "192.0.2.2",
          port: PORT,
          from: 40000 + at,
          requests,
          size: SIZE,
          think: 100_000,
        };
        k.events.at(k.clock.now + 1_000_000 * (1 + at), () => host.connect(k, client));
      }
    },
    programs: [{ comm: "echod", program: (sys) => serve(sys, clients) }],
  });
}
