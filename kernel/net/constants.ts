/**
 * Numbers of the socket interface, as Linux has them on all three architectures.
 *
 * @module
 */

/** Address families. */
export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

/** Socket types. */
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
/** The bits of `socket`'s second argument that are the type. */
export const SOCK_TYPE_MASK = 0xf;
/** Same as `O_NONBLOCK` and `O_CLOEXEC`. */
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

/** Protocols. */
export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_RAW = 255;

/** `struct socket`'s state. */
export const SS_UNCONNECTED = 1;
export const SS_CONNECTING = 2;
export const SS_CONNECTED = 3;
export const SS_DISCONNECTING = 4;

/** TCP states: `sk->sk_state`. */
export const TCP_ESTABLISHED = 1;
export const TCP_SYN_SENT = 2;
export const TCP_SYN_RECV = 3;
export const TCP_FIN_WAIT1 = 4;
export const TCP_FIN_WAIT2 = 5;
export const TCP_TIME_WAIT = 6;
export const TCP_CLOSE = 7;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LAST_ACK = 9;
export const TCP_LISTEN = 10;
export const TCP_CLOSING = 11;
export const TCP_NEW_SYN_RECV = 12;

/** Flags of a TCP header, as `tcp_flags` keeps them. */
export const TCPHDR_FIN = 1;
export const TCPHDR_SYN = 2;
export const TCPHDR_RST = 4;
export const TCPHDR_PSH = 8;
export const TCPHDR_ACK = 16;

/** `sk->sk_shutdown`. */
export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;
export const SHUTDOWN_MASK = 3;

/** Flags of messages. */
export const MSG_OOB = 1;
export const MSG_PEEK = 2;
export const MSG_CTRUNC = 8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_WAITALL = 0x100;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_WAITFORONE = 0x10000;
export const MSG_CMSG_CLOEXEC = 0x40000000;

/** Socket options. */
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_DONTROUTE = 5;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_LINGER = 13;
export const SO_REUSEPORT = 15;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_ACCEPTCONN = 30;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const TCP_NODELAY = 1;
export const TCP_CORK = 3;
export const TCP_INFO = 11;

/** Why a packet was dropped: `enum skb_drop_reason` of this release. */
export const SKB_DROP_REASON_NOT_SPECIFIED = 1;
export const SKB_DROP_REASON_NO_SOCKET = 2;
export const SKB_DROP_REASON_SOCKET_RCVBUFF = 15;
export const SKB_DROP_REASON_SOCKET_BACKLOG = 20;
export const SKB_DROP_REASON_TCP_FLAGS = 21;
export const SKB_DROP_REASON_TCP_ZEROWINDOW = 22;
export const SKB_DROP_REASON_TCP_OLD_DATA = 23;
export const SKB_DROP_REASON_TCP_OVERWINDOW = 24;
export const SKB_DROP_REASON_TCP_INVALID_SEQUENCE = 27;
export const SKB_DROP_REASON_TCP_RESET = 28;
export const SKB_DROP_REASON_TCP_INVALID_SYN = 29;
export const SKB_DROP_REASON_TCP_CLOSE = 30;
export const SKB_DROP_REASON_IP_OUTNOROUTES = 37;
