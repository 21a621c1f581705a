/**
 * What the model keeps beside a `struct unix_sock`.
 *
 * @module
 */

import type { Addr } from "../../../image/model.ts";
import type { Sock } from "../core/sock.ts";

/** The part of a sock that only unix sockets have. */
export class UnixSock {
  readonly sk: Sock;
  /** The other end; a datagram socket's destination. */
  peer: Sock | null = null;
  /** Connections that wait to be accepted: the socks that will be the server's ends. */
  readonly accepted: Sock[] = [];
  /** Where it is bound: the inode of its path, or its abstract name. */
  inode: Addr = 0;
  abstract: string | null = null;
  /** Bytes of `sun_path`; null while it has no name. */
  path: Uint8Array | null = null;
  /** Credentials of who connected or listens. */
  credentials: { readonly pid: number; readonly uid: number; readonly gid: number } | null = null;
  passCredentials = false;

  constructor(sk: Sock) {
    this.sk = sk;
  }
}
