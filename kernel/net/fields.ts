/**
 * Fields of the network's objects that the model reads and writes.
 *
 * @module
 */

import { field } from "../process/objects.ts";

/** `struct socket`. */
export const SOCKET = {
  state: field("socket", "state"),
  type: field("socket", "type"),
  flags: field("socket", "flags"),
  file: field("socket", "file"),
  sk: field("socket", "sk"),
  ops: field("socket", "ops"),
  wq: field("socket", "wq"),
} as const;

/** `struct sock`, and the `struct sock_common` it begins with. */
export const SK = {
  daddr: field("sock", "__sk_common.skc_daddr"),
  rcvSaddr: field("sock", "__sk_common.skc_rcv_saddr"),
  hash: field("sock", "__sk_common.skc_hash"),
  dport: field("sock", "__sk_common.skc_dport"),
  num: field("sock", "__sk_common.skc_num"),
  family: field("sock", "__sk_common.skc_family"),
  state: field("sock", "__sk_common.skc_state"),
  boundDevIf: field("sock", "__sk_common.skc_bound_dev_if"),
  prot: field("sock", "__sk_common.skc_prot"),
  net: field("sock", "__sk_common.skc_net.net"),
  v6Daddr: field("sock", "__sk_common.skc_v6_daddr.in6_u.u6_addr8"),
  v6RcvSaddr: field("sock", "__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8"),
  refcnt: field("sock", "__sk_common.skc_refcnt.refs.counter"),
  owned: field("sock", "sk_lock.owned"),
  receiveQueue: field("sock", "sk_receive_queue"),
  errorQueue: field("sock", "sk_error_queue"),
  writeQueue: field("sock", "sk_write_queue"),
  backlogLen: field("sock", "sk_backlog.len"),
  rmemAlloc: field("sock", "sk_backlog.rmem_alloc.counter"),
  rcvbuf: field("sock", "sk_rcvbuf"),
  sndbuf: field("sock", "sk_sndbuf"),
  wmemQueued: field("sock", "sk_wmem_queued"),
  wmemAlloc: field("sock", "sk_wmem_alloc.refs.counter"),
  drops: field("sock", "sk_drops.counter"),
  type: field("sock", "sk_type"),
  protocol: field("sock", "sk_protocol"),
  err: field("sock", "sk_err"),
  errSoft: field("sock", "sk_err_soft"),
  ackBacklog: field("sock", "sk_ack_backlog"),
  maxAckBacklog: field("sock", "sk_max_ack_backlog"),
  uid: field("sock", "sk_uid.val"),
  shutdown: field("sock", "sk_shutdown"),
  socket: field("sock", "sk_socket"),
  wq: field("sock", "sk_wq"),
  rcvtimeo: field("sock", "sk_rcvtimeo"),
  sndtimeo: field("sock", "sk_sndtimeo"),
  rcvlowat: field("sock", "sk_rcvlowat"),
  dstCache: field("sock", "sk_dst_cache"),
  sendHead: field("sock", "sk_send_head"),
  timer: field("sock", "sk_timer"),
} as const;

/** `struct inet_sock`. */
export const INET = {
  saddr: field("inet_sock", "inet_saddr"),
  sport: field("inet_sock", "inet_sport"),
  id: field("inet_sock", "inet_id"),
} as const;

/** `struct inet_connection_sock`. */
export const ICSK = {
  queueLen: field("inet_connection_sock", "icsk_accept_queue.qlen.counter"),
  queueYoung: field("inet_connection_sock", "icsk_accept_queue.young.counter"),
  acceptHead: field("inet_connection_sock", "icsk_accept_queue.rskq_accept_head"),
  acceptTail: field("inet_connection_sock", "icsk_accept_queue.rskq_accept_tail"),
  retransmitTimer: field("inet_connection_sock", "icsk_retransmit_timer"),
  delackTimer: field("inet_connection_sock", "icsk_delack_timer"),
  timeout: field("inet_connection_sock", "icsk_timeout"),
  rto: field("inet_connection_sock", "icsk_rto"),
  retransmits: field("inet_connection_sock", "icsk_retransmits"),
  pending: field("inet_connection_sock", "icsk_pending"),
  backoff: field("inet_connection_sock", "icsk_backoff"),
} as const;

/** `struct tcp_sock`. */
export const TCP = {
  bytesReceived: field("tcp_sock", "bytes_received"),
  segsIn: field("tcp_sock", "segs_in"),
  dataSegsIn: field("tcp_sock", "data_segs_in"),
  rcvNxt: field("tcp_sock", "rcv_nxt"),
  copiedSeq: field("tcp_sock", "copied_seq"),
  rcvWup: field("tcp_sock", "rcv_wup"),
  sndNxt: field("tcp_sock", "snd_nxt"),
  segsOut: field("tcp_sock", "segs_out"),
  dataSegsOut: field("tcp_sock", "data_segs_out"),
  bytesSent: field("tcp_sock", "bytes_sent"),
  bytesAcked: field("tcp_sock", "bytes_acked"),
  bytesRetrans: field("tcp_sock", "bytes_retrans"),
  sndUna: field("tcp_sock", "snd_una"),
  sndWnd: field("tcp_sock", "snd_wnd"),
  rcvWnd: field("tcp_sock", "rcv_wnd"),
  writeSeq: field("tcp_sock", "write_seq"),
  mss: field("tcp_sock", "mss_cache"),
  advmss: field("tcp_sock", "advmss"),
  srtt: field("tcp_sock", "srtt_us"),
  mdev: field("tcp_sock", "mdev_us"),
  mdevMax: field("tcp_sock", "mdev_max_us"),
  rttvar: field("tcp_sock", "rttvar_us"),
  packetsOut: field("tcp_sock", "packets_out"),
  retransOut: field("tcp_sock", "retrans_out"),
  lostOut: field("tcp_sock", "lost_out"),
  sackedOut: field("tcp_sock", "sacked_out"),
  ssthresh: field("tcp_sock", "snd_ssthresh"),
  cwnd: field("tcp_sock", "snd_cwnd"),
  cwndCnt: field("tcp_sock", "snd_cwnd_cnt"),
  totalRetrans: field("tcp_sock", "total_retrans"),
  delivered: field("tcp_sock", "delivered"),
  headerLen: field("tcp_sock", "tcp_header_len"),
} as const;

/** `struct unix_sock`. */
export const UNIX = { addr: field("unix_sock", "addr"), peer: field("unix_sock", "peer") } as const;

/** `struct request_sock`. */
export const REQ = {
  daddr: field("request_sock", "__req_common.skc_daddr"),
  rcvSaddr: field("request_sock", "__req_common.skc_rcv_saddr"),
  dport: field("request_sock", "__req_common.skc_dport"),
  num: field("request_sock", "__req_common.skc_num"),
  family: field("request_sock", "__req_common.skc_family"),
  state: field("request_sock", "__req_common.skc_state"),
  refcnt: field("request_sock", "__req_common.skc_refcnt.refs.counter"),
  v6Daddr: field("request_sock", "__req_common.skc_v6_daddr.in6_u.u6_addr8"),
  v6RcvSaddr: field("request_sock", "__req_common.skc_v6_rcv_saddr.in6_u.u6_addr8"),
  next: field("request_sock", "dl_next"),
  listener: field("request_sock", "__req_common.skc_listener"),
  sk: field("request_sock", "sk"),
  mss: field("request_sock", "mss"),
  numTimeout: field("request_sock", "num_timeout"),
  timer: field("request_sock", "rsk_timer"),
} as const;

/** `struct inet_timewait_sock`. */
export const TW = {
  daddr: field("inet_timewait_sock", "__tw_common.skc_daddr"),
  rcvSaddr: field("inet_timewait_sock", "__tw_common.skc_rcv_saddr"),
  dport: field("inet_timewait_sock", "__tw_common.skc_dport"),
  num: field("inet_timewait_sock", "__tw_common.skc_num"),
  family: field("inet_timewait_sock", "__tw_common.skc_family"),
  state: field("inet_timewait_sock", "__tw_common.skc_state"),
  substate: field("inet_timewait_sock", "tw_substate"),
  sport: field("inet_timewait_sock", "tw_sport"),
  timer: field("inet_timewait_sock", "tw_timer"),
} as const;

/** `struct sk_buff`. */
export const SKB = {
  next: field("sk_buff", "next"),
  prev: field("sk_buff", "prev"),
  dev: field("sk_buff", "dev"),
  sk: field("sk_buff", "sk"),
  tstamp: field("sk_buff", "tstamp"),
  cb: field("sk_buff", "cb"),
  refdst: field("sk_buff", "_skb_refdst"),
  destructor: field("sk_buff", "destructor"),
  len: field("sk_buff", "len"),
  dataLen: field("sk_buff", "data_len"),
  macLen: field("sk_buff", "mac_len"),
  skbIif: field("sk_buff", "skb_iif"),
  protocol: field("sk_buff", "protocol"),
  transportHeader: field("sk_buff", "transport_header"),
  networkHeader: field("sk_buff", "network_header"),
  macHeader: field("sk_buff", "mac_header"),
  tail: field("sk_buff", "tail"),
  end: field("sk_buff", "end"),
  head: field("sk_buff", "head"),
  data: field("sk_buff", "data"),
  truesize: field("sk_buff", "truesize"),
  users: field("sk_buff", "users.refs.counter"),
} as const;

/** `struct sk_buff_head`: a ring of packets that begins and ends at the head itself. */
export const SKB_HEAD = {
  next: field("sk_buff_head", "next"),
  prev: field("sk_buff_head", "prev"),
  qlen: field("sk_buff_head", "qlen"),
} as const;

/** `struct msghdr`. */
export const MSG = {
  name: field("msghdr", "msg_name"),
  namelen: field("msghdr", "msg_namelen"),
  iter: field("msghdr", "msg_iter"),
  control: field("msghdr", "msg_control"),
  flags: field("msghdr", "msg_flags"),
  controllen: field("msghdr", "msg_controllen"),
} as const;

/** `struct net_device`. */
export const DEV = {
  name: field("net_device", "name"),
  flags: field("net_device", "flags"),
  ifindex: field("net_device", "ifindex"),
  mtu: field("net_device", "mtu"),
  type: field("net_device", "type"),
  addrLen: field("net_device", "addr_len"),
  hardHeaderLen: field("net_device", "hard_header_len"),
} as const;

/** `struct dst_entry` in a `struct rtable`. */
export const DST = {
  dev: field("rtable", "dst.dev"),
  input: field("rtable", "dst.input"),
  output: field("rtable", "dst.output"),
  refcnt: field("rtable", "dst.__refcnt.counter"),
} as const;
