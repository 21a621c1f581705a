/**
 * A host at the other end of the link: answers on the ports that it is told to. Its network stack is its own: small, and
 * nothing that probes see.
 *
 * @module
 */

import type { Kernel } from "../../kernel.ts";
import type { Event } from "../../time/events.ts";
import { addressBytes, addressText } from "../address.ts";
import { TCPHDR_ACK, TCPHDR_FIN, TCPHDR_PSH, TCPHDR_RST, TCPHDR_SYN } from "../constants.ts";
import { encodeHeader } from "../ipv4/tcp_header.ts";
import { after, before, plus } from "../ipv4/tcp_sock.ts";
import { sendFromHost } from "./link.ts";

/**
 * What a port does. `echo` sends back what it gets, `http` answers a request and closes, `discard` takes everything,
 * `refuse` has nobody listening, `silent` drops what comes.
 */
export type Service = "echo" | "http" | "discard" | "refuse" | "silent";

/** How a host is. */
export interface HostOptions {
  readonly address: string;
  /** By port; `default` for all others. */
  readonly ports: Readonly<Record<string, Service>>;
  /** One way, in nanoseconds; the link's by default. */
  readonly latency?: number;
  /** Bytes of a page that `http` sends. */
  readonly pageSize?: number;
}

const RTO = 300_000_000;
const RETRIES = 8;
const WINDOW = 65535;
const MSS = 1448;
const PROTOCOL_TCP = 6;
const PROTOCOL_UDP = 17;
const CLIENT_KEY = 7;

/** What a host does as a client: connects, sends a message and waits for as many bytes, again and again, and closes. */
export interface ClientOptions {
  /** Whom it connects to. */
  readonly to: string;
  readonly port: number;
  /** Its own port. */
  readonly from: number;
  readonly requests: number;
  /** Bytes of a message. */
  readonly size: number;
  /** Nanoseconds between an answer and the next message. */
  readonly think: number;
}

/** Where a client stands. */
interface ClientState extends ClientOptions {
  /** Messages still to be sent. */
  left: number;
  /** Bytes of the answer still to come. */
  expected: number;
}

interface Connection {
  readonly service: Service;
  /** Set where this host has opened the connection. */
  readonly client: ClientState | null;
  readonly peer: string;
  readonly peerPort: number;
  readonly port: number;
  rcvNxt: number;
  sndNxt: number;
  sndUna: number;
  /** Sent or to be sent, from `sndUna` on; a FIN is one more. */
  pending: Uint8Array;
  fin: boolean;
  established: boolean;
  timer: Event | null;
  retries: number;
  /** What was received so far, where the service needs it. */
  request: string;
}

/** Another computer. */
export class Host {
  readonly address: string;
  readonly latency: number | undefined;
  readonly #ports: Readonly<Record<string, Service>>;
  readonly #pageSize: number;
  readonly #connections = new Map<string, Connection>();

  constructor(options: HostOptions) {
    this.address = options.address;
    this.latency = options.latency;
    this.#ports = options.ports;
    this.#pageSize = options.pageSize ?? 4096;
  }

  /** A packet arrives, without its Ethernet header. */
  receive(k: Kernel, packet: Uint8Array): void {
    const six = (packet[0] ?? 0) >> 4 === 6;
    const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    const from = addressText(packet.subarray(six ? 8 : 12, six ? 24 : 16));
    const at = six ? 40 : 20;
    const protocol = packet[six ? 6 : 9] ?? 0;
    if (protocol === PROTOCOL_UDP) this.#datagram(k, from, view, packet, at);
    else if (protocol === PROTOCOL_TCP) this.#segment(k, from, view, packet, at);
  }

  /** The packets of bytes that a recording says that the peer sent: the caller takes them in. */
  segments(k: Kernel, peer: string, peerPort: number, port: number, bytes: Uint8Array): Uint8Array[] {
    const connection = this.#connections.get(`${peer} ${peerPort} ${port}`);
    if (connection === undefined) return [];
    const packets: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += MSS) {
      const part = bytes.subarray(at, at + MSS);
      const header = {
        ...ports(connection),
        seq: connection.sndNxt,
        ack: connection.rcvNxt,
        flags: TCPHDR_ACK | TCPHDR_PSH,
        window: WINDOW >> 7,
      };
      const segment = new Uint8Array(32 + part.length);
      segment.set(encodeHeader(header, 32, k.clock.now));
      segment.set(part, 32);
      connection.sndNxt = plus(connection.sndNxt, part.length);
      connection.sndUna = connection.sndNxt;
      packets.push(this.#packet(connection.peer, PROTOCOL_TCP, segment));
    }
    return packets;
  }

  /** The SYN of a connection that a recording shows: from `port` here to `to`. */
  syn(k: Kernel, to: string, toPort: number, port: number, seq: number): Uint8Array {
    const header = {
      source: port,
      dest: toPort,
      seq,
      ack: 0,
      flags: TCPHDR_SYN,
      window: WINDOW,
      mss: 1460,
      wscale: 7,
    };
    return this.#packet(to, PROTOCOL_TCP, encodeHeader(header, 40, k.clock.now));
  }

  /** The acknowledgement that completes it: from then on the connection is this host's. */
  opened(k: Kernel, to: string, toPort: number, port: number, seq: number, ack: number): Uint8Array {
    const connection: Connection = {
      service: this.#service(port),
      client: null,
      peer: to,
      peerPort: toPort,
      port,
      rcvNxt: ack,
      sndNxt: plus(seq, 1),
      sndUna: plus(seq, 1),
      pending: new Uint8Array(0),
      fin: false,
      established: true,
      timer: null,
      retries: 0,
      request: "",
    };
    this.#connections.set(`${to} ${toPort} ${port}`, connection);
    const header = {
      ...ports(connection),
      seq: connection.sndNxt,
      ack,
      flags: TCPHDR_ACK,
      window: WINDOW >> 7,
    };
    return this.#packet(to, PROTOCOL_TCP, encodeHeader(header, 32, k.clock.now));
  }

  /** Opens a connection and talks on it, from now on. */
  connect(k: Kernel, options: ClientOptions): void {
    const isn = k.random.u32(options.from, options.port, CLIENT_KEY);
    const connection: Connection = {
      service: "discard",
      client: { ...options, left: options.requests, expected: 0 },
      peer: options.to,
      peerPort: options.port,
      port: options.from,
      rcvNxt: 0,
      sndNxt: plus(isn, 1),
      sndUna: isn,
      pending: new Uint8Array(0),
      fin: false,
      established: false,
      timer: null,
      retries: 0,
      request: "",
    };
    const key = `${options.to} ${options.port} ${options.from}`;
    this.#connections.set(key, connection);
    this.#open(k, connection);
    this.#arm(k, key, connection);
  }

  /** A client's SYN. */
  #open(k: Kernel, connection: Connection): void {
    const header = {
      ...ports(connection),
      seq: connection.sndUna,
      ack: 0,
      flags: TCPHDR_SYN,
      mss: 1460,
      wscale: 7,
    };
    this.#reply(k, connection.peer, header, 40);
  }

  /** A client's next message, or its end. */
  #talk(k: Kernel, connection: Connection, client: ClientState): void {
    if (client.left-- > 0) {
      client.expected = client.size;
      this.#queue(k, connection, new Uint8Array(client.size).fill(0x61), false);
    } else if (!connection.fin) this.#queue(k, connection, new Uint8Array(0), true);
  }

  /** The packet of a datagram. */
  datagramPacket(port: number, to: string, toPort: number, bytes: Uint8Array): Uint8Array {
    return this.#packet(to, PROTOCOL_UDP, datagramBytes(port, toPort, bytes));
  }

  /** Sends a datagram now. */
  datagram(k: Kernel, port: number, to: string, toPort: number, bytes: Uint8Array): void {
    this.#send(k, to, PROTOCOL_UDP, datagramBytes(port, toPort, bytes));
  }

  #service(port: number): Service {
    return this.#ports[port] ?? this.#ports["default"] ?? "refuse";
  }

  #datagram(k: Kernel, from: string, view: DataView, packet: Uint8Array, at: number): void {
    const [source, dest] = [view.getUint16(at), view.getUint16(at + 2)];
    if (this.#service(dest) === "echo") this.datagram(k, dest, from, source, packet.slice(at + 8));
  }

  #segment(k: Kernel, from: string, view: DataView, packet: Uint8Array, at: number): void {
    const [source, dest] = [view.getUint16(at), view.getUint16(at + 2)];
    const [seq, ack] = [view.getUint32(at + 4), view.getUint32(at + 8)];
    const flags = packet[at + 13] ?? 0;
    const data = packet.slice(at + ((packet[at + 12] ?? 0x50) >> 4) * 4);
    const key = `${from} ${source} ${dest}`;
    const service = this.#service(dest);
    let connection = this.#connections.get(key);
    if ((flags & TCPHDR_RST) !== 0) {
      if (connection !== undefined) this.#forget(k, key, connection);
      return;
    }
    if (connection !== undefined && connection.client !== null && !connection.established) {
      if (flags !== (TCPHDR_SYN | TCPHDR_ACK) || ack !== connection.sndNxt) return;
      connection.rcvNxt = plus(seq, 1);
      this.#acked(k, key, connection, ack);
      this.#ack(k, connection);
      return this.#talk(k, connection, connection.client);
    }
    if ((flags & TCPHDR_SYN) !== 0 && connection?.rcvNxt !== plus(seq, 1)) {
      if (service === "silent") return;
      if (service === "refuse") {
        return this.#reply(k, from, {
          source: dest,
          dest: source,
          seq: 0,
          ack: plus(seq, 1),
          flags: TCPHDR_RST | TCPHDR_ACK,
        }, 20);
      }
      const isn = k.random.u32(source, dest, seq);
      connection = {
        service,
        client: null,
        peer: from,
        peerPort: source,
        port: dest,
        rcvNxt: plus(seq, 1),
        sndNxt: plus(isn, 1),
        sndUna: isn,
        pending: new Uint8Array(0),
        fin: false,
        established: false,
        timer: null,
        retries: 0,
        request: "",
      };
      this.#connections.set(key, connection);
      this.#arm(k, key, connection);
      return this.#synAck(k, connection);
    }
    if (connection === undefined) {
      if (service !== "silent") {
        this.#reply(k, from, { source: dest, dest: source, seq: ack, ack: 0, flags: TCPHDR_RST }, 20);
      }
      return;
    }
    if ((flags & TCPHDR_SYN) !== 0) {
      return connection.client === null ? this.#synAck(k, connection) : this.#ack(k, connection);
    }
    if ((flags & TCPHDR_ACK) !== 0) this.#acked(k, key, connection, ack);
    const fin = (flags & TCPHDR_FIN) !== 0;
    if (data.length === 0 && !fin) return;
    if (seq === connection.rcvNxt) {
      connection.rcvNxt = plus(seq, data.length + (fin ? 1 : 0));
      this.#serve(k, connection, data, fin);
    } else if (before(seq, connection.rcvNxt) || after(seq, connection.rcvNxt)) this.#ack(k, connection);
  }

  #serve(k: Kernel, connection: Connection, data: Uint8Array, fin: boolean): void {
    const before = connection.pending.length + (connection.fin ? 1 : 0);
    const { client } = connection;
    if (client !== null && data.length > 0) {
      client.expected -= data.length;
      if (client.expected <= 0) {
        k.events.at(k.clock.now + client.think, () => this.#talk(k, connection, client));
      }
    }
    if (connection.service === "echo" && data.length > 0) this.#queue(k, connection, data, false);
    if (connection.service === "http" && !connection.fin) {
      connection.request += new TextDecoder().decode(data);
      if (connection.request.includes("\r\n\r\n")) {
        const head = `HTTP/1.1 200 OK\r\nContent-Length: ${this.#pageSize}\r\nConnection: close\r\n\r\n`;
        this.#queue(k, connection, new TextEncoder().encode(head + "x".repeat(this.#pageSize)), true);
      }
    }
    if (fin && !connection.fin) this.#queue(k, connection, new Uint8Array(0), true);
    if (connection.pending.length + (connection.fin ? 1 : 0) === before) this.#ack(k, connection);
  }

  /** Appends to what is to be sent, and sends it. */
  #queue(k: Kernel, connection: Connection, bytes: Uint8Array, fin: boolean): void {
    const start = connection.pending.length;
    const whole = new Uint8Array(start + bytes.length);
    whole.set(connection.pending);
    whole.set(bytes, start);
    connection.pending = whole;
    connection.fin ||= fin;
    this.#emit(k, connection, (connection.sndNxt - connection.sndUna) | 0);
    this.#arm(k, `${connection.peer} ${connection.peerPort} ${connection.port}`, connection);
  }

  /** Sends everything from an offset of what is pending. */
  #emit(k: Kernel, connection: Connection, from: number): void {
    const { pending } = connection;
    for (let at = from; at < pending.length || at === pending.length && connection.fin;) {
      const part = pending.subarray(at, at + MSS);
      const last = at + part.length >= pending.length;
      const fin = last && connection.fin ? TCPHDR_FIN : 0;
      const seq = plus(connection.sndUna, at);
      const flags = TCPHDR_ACK | (last && part.length > 0 ? TCPHDR_PSH : 0) | fin;
      this.#reply(k, connection.peer, { ...ports(connection), seq, ack: connection.rcvNxt, flags }, 32, part);
      at += part.length;
      const end = plus(seq, part.length + (fin !== 0 ? 1 : 0));
      if (after(end, connection.sndNxt)) connection.sndNxt = end;
      if (last) break;
    }
  }

  #acked(k: Kernel, key: string, connection: Connection, ack: number): void {
    if (!after(ack, connection.sndUna)) return;
    if (!connection.established) {
      connection.established = true;
      connection.sndUna = plus(connection.sndUna, 1);
    }
    const count = (ack - connection.sndUna) | 0;
    connection.pending = connection.pending.slice(Math.min(count, connection.pending.length));
    connection.sndUna = ack;
    connection.retries = 0;
    const done = connection.sndUna === connection.sndNxt;
    if (connection.timer !== null) k.events.cancel(connection.timer);
    connection.timer = null;
    if (!done) this.#arm(k, key, connection);
    else if (connection.fin) this.#connections.delete(key);
  }

  #synAck(k: Kernel, connection: Connection): void {
    const header = {
      ...ports(connection),
      seq: plus(connection.sndNxt, -1),
      ack: connection.rcvNxt,
      flags: TCPHDR_SYN | TCPHDR_ACK,
      mss: 1460,
      wscale: 7,
    };
    this.#reply(k, connection.peer, header, 40);
  }

  #ack(k: Kernel, connection: Connection): void {
    this.#reply(k, connection.peer, {
      ...ports(connection),
      seq: connection.sndNxt,
      ack: connection.rcvNxt,
      flags: TCPHDR_ACK,
    }, 32);
  }

  #arm(k: Kernel, key: string, connection: Connection): void {
    if (connection.timer !== null) return;
    connection.timer = k.events.at(k.clock.now + RTO * 2 ** connection.retries, () => {
      connection.timer = null;
      if (++connection.retries > RETRIES) return this.#forget(k, key, connection);
      if (!connection.established) {
        if (connection.client === null) this.#synAck(k, connection);
        else this.#open(k, connection);
      } else this.#emit(k, connection, 0);
      this.#arm(k, key, connection);
    });
  }

  #forget(k: Kernel, key: string, connection: Connection): void {
    if (connection.timer !== null) k.events.cancel(connection.timer);
    this.#connections.delete(key);
  }

  #reply(
    k: Kernel,
    to: string,
    header: Omit<Parameters<typeof encodeHeader>[0], "window">,
    length: number,
    data: Uint8Array = new Uint8Array(0),
  ): void {
    const window = length === 40 ? WINDOW : WINDOW >> 7;
    const bytes = new Uint8Array(length + data.length);
    bytes.set(encodeHeader({ ...header, window }, length, k.clock.now));
    bytes.set(data, length);
    this.#send(k, to, PROTOCOL_TCP, bytes);
  }

  #send(k: Kernel, to: string, protocol: number, bytes: Uint8Array): void {
    sendFromHost(k, this.#packet(to, protocol, bytes), this.latency ?? k.net.link.latency);
  }

  #packet(to: string, protocol: number, bytes: Uint8Array): Uint8Array {
    const six = this.address.includes(":");
    const packet = new Uint8Array((six ? 40 : 20) + bytes.length);
    const view = new DataView(packet.buffer);
    if (six) {
      packet[0] = 0x60;
      view.setUint16(4, bytes.length);
      packet[6] = protocol;
      packet[7] = 64;
    } else {
      packet[0] = 0x45;
      view.setUint16(2, packet.length);
      packet[8] = 64;
      packet[9] = protocol;
    }
    packet.set(addressBytes(this.address), six ? 8 : 12);
    packet.set(addressBytes(to), six ? 24 : 16);
    packet.set(bytes, six ? 40 : 20);
    return packet;
  }
}

function datagramBytes(port: number, toPort: number, bytes: Uint8Array): Uint8Array {
  const datagram = new Uint8Array(8 + bytes.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, port);
  view.setUint16(2, toPort);
  view.setUint16(4, datagram.length);
  datagram.set(bytes, 8);
  return datagram;
}

function ports(connection: Connection): { readonly source: number; readonly dest: number } {
  return { source: connection.port, dest: connection.peerPort };
}
