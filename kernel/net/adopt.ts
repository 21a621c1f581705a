/**
 * Descriptors that a recording shows to be sockets without showing how they were made: inherited ones. They become one
 * end of a connection whose other end nobody has open.
 *
 * @module
 */

import { FILE } from "../fs/fields.ts";
import { AF_UNIX, SOCK_STREAM, SS_CONNECTED, TCP_ESTABLISHED } from "./constants.ts";
import { graft, initWaitQueue, newSock } from "./core/sock.ts";
import { SK, SOCKET, UNIX } from "./fields.ts";
import { adopters, setOps, Socket } from "./socket.ts";
import { STREAM_OPS } from "./unix/af_unix.ts";
import { STREAM_PROTO } from "./unix/unix_socket.ts";
import { UnixSock } from "./unix/unix_sock.ts";

adopters.push((k, inode, file) => {
  const socket = new Socket(k, inode, SOCK_STREAM);
  initWaitQueue(k, socket.address);
  setOps(k, socket, STREAM_OPS);
  const [own, other] = [0, 1].map(() => {
    const sk = newSock(k, STREAM_PROTO, AF_UNIX, SOCK_STREAM, 0, 1);
    sk.unix = new UnixSock(sk);
    SK.state.set(k, sk.address, TCP_ESTABLISHED);
    return sk;
  });
  if (own?.unix && other?.unix) {
    own.unix.peer = other;
    other.unix.peer = own;
    UNIX.peer.set(k, own.address, other.address);
    UNIX.peer.set(k, other.address, own.address);
    SK.refcnt.add(k, other.address, 1);
    graft(k, own, socket);
  }
  socket.state = SS_CONNECTED;
  SOCKET.file.set(k, socket.address, file.address);
  FILE.privateData.set(k, file.address, socket.address);
  return socket;
});
