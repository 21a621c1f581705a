/**
 * TCP: the states of one `struct sock` follow one another as RFC 9293 and Linux's `tcp_set_state` have them.
 *
 * @module
 */

import type { Watch } from "./watch.ts";

const [
  ESTABLISHED,
  SYN_SENT,
  SYN_RECV,
  FIN_WAIT1,
  FIN_WAIT2,
  TIME_WAIT,
  CLOSE,
  CLOSE_WAIT,
  LAST_ACK,
  LISTEN,
  CLOSING,
] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/** Where a sock may go. From each it may close. */
const NEXT: Readonly<Record<number, readonly number[]>> = {
  [CLOSE]: [LISTEN, SYN_SENT],
  // A sock that listens is copied for each connection.
  [LISTEN]: [SYN_RECV],
  [SYN_SENT]: [ESTABLISHED, SYN_RECV],
  [SYN_RECV]: [ESTABLISHED, FIN_WAIT1],
  [ESTABLISHED]: [FIN_WAIT1, CLOSE_WAIT],
  // One that was shut down already stays where it is when it is closed: `tcp_close_state` says so once more.
  [FIN_WAIT1]: [FIN_WAIT1, FIN_WAIT2, CLOSING, TIME_WAIT],
  [FIN_WAIT2]: [FIN_WAIT2, TIME_WAIT],
  [CLOSING]: [CLOSING, TIME_WAIT],
  [CLOSE_WAIT]: [LAST_ACK],
  [LAST_ACK]: [LAST_ACK],
  [TIME_WAIT]: [],
};
/** States of a sock that was just made, or copied. */
const FIRST: readonly number[] = [CLOSE, LISTEN];

/** States in order on one pointer, each the one after the last. */
export function statesFollow(watch: Watch): void {
  const states = new Map<number, number>();
  watch.on("sock:inet_sock_set_state", (field) => {
    const [sock, old, now] = [field("skaddr"), field("oldstate"), field("newstate")];
    const last = states.get(sock);
    watch.must(
      last === old || (last === undefined || last === CLOSE) && FIRST.includes(old),
      () => `a sock in state ${last} goes from ${old} to ${now}`,
    );
    watch.must(
      now === CLOSE || (NEXT[old] ?? []).includes(now),
      () => `a sock goes from state ${old} to ${now}`,
    );
    states.set(sock, now);
  });
}
