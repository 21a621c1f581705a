import { assertEquals } from "@std/assert";
import type { Arch } from "../../image/model.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Task } from "../../kernel/process/task.ts";
import { UserSpace } from "../../kernel/memory/user_space.ts";
import { AddressMap } from "./address_map.ts";
import { parseList } from "./parse_value.ts";
import { UserBuffers } from "./user_buffers.ts";

/** User memory of one task, and nothing else of a kernel. */
class Fixture {
  readonly unknown: string[] = [];
  readonly #space = new UserSpace();
  readonly #buffers: UserBuffers;
  readonly #addresses: AddressMap;

  constructor(arch: Arch) {
    const memory = {
      writeBytes: (at: number, bytes: Uint8Array) => this.#write(at, bytes),
      fill: (at: number, length: number, value: number) =>
        this.#write(at, new Uint8Array(length).fill(value)),
    };
    const k = { image: { arch }, memory } as unknown as Kernel;
    this.#buffers = new UserBuffers(k, (what) => this.unknown.push(what));
    this.#addresses = new AddressMap(arch);
  }

  /** Places the arguments of a call as it is printed. */
  place(call: string): readonly number[] {
    const open = call.indexOf("(");
    const values = parseList(call, open + 1, ")").items.map((item) => item.value);
    const task = { userSpace: this.#space } as unknown as Task;
    return this.#buffers.place(task, call.slice(0, open), values, this.#addresses);
  }

  read(address: number | undefined, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at++) {
      const place = address! + at;
      bytes[at] = this.#space.touch(Math.floor(place / 4096))!.bytes[place % 4096]!;
    }
    return bytes;
  }

  view(address: number | undefined, length: number): DataView {
    return new DataView(this.read(address, length).buffer);
  }

  text(address: number | undefined): string {
    const bytes = this.read(address, 64);
    return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
  }

  #write(address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, at) => {
      const place = address + at;
      this.#space.touch(Math.floor(place / 4096))!.bytes[place % 4096] = byte;
    });
  }
}

Deno.test("paths are strings in user memory, numbers and constants words", () => {
  const user = new Fixture("x86_64");
  const args = user.place('openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC)');
  assertEquals([args[0], user.text(args[1]), args[2]], [-100, "/etc/hosts", 0o2000000]);
  const two = user.place('rename("first", "second")');
  assertEquals(two.map((address) => user.text(address)), ["first", "second"]);
});

Deno.test("argv is an array of pointers with a NULL at its end", () => {
  for (const [arch, size] of [["x86_64", 8], ["arm64", 8], ["i386", 4]] as const) {
    const user = new Fixture(arch);
    const [, argv] = user.place('execve("/usr/bin/cat", ["cat", "a b"], 0x7ffc9c11 /* 3 vars */)');
    const view = user.view(argv, 3 * size);
    const pointers = [0, 1, 2].map((at) =>
      size === 8 ? Number(view.getBigUint64(at * 8, true)) : view.getUint32(at * 4, true)
    );
    assertEquals([user.text(pointers[0]), user.text(pointers[1]), pointers[2]], ["cat", "a b", 0], arch);
  }
});

Deno.test("a buffer that a call fills in is there, and empty; one that it takes has its bytes", () => {
  const user = new Fixture("x86_64");
  const read = user.place('read(3, "127.0.0.1"..., 131072)');
  assertEquals(user.text(read[1]), "");
  user.read(read[1]! + 131071, 1);
  const write = user.place('write(1, "127.0.0.1"..., 49)');
  assertEquals(user.text(write[1]), "127.0.0.1");
});

Deno.test("structs have the architecture's layout", () => {
  for (const [arch, word] of [["x86_64", 8], ["i386", 4]] as const) {
    const user = new Fixture(arch);
    const [, , time] = user.place("clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=2, tv_nsec=500000}, NULL)");
    const view = user.view(time, 2 * word);
    const long = (at: number): number =>
      word === 8 ? Number(view.getBigInt64(at * 8, true)) : view.getInt32(at * 4, true);
    assertEquals([long(0), long(1)], [2, 500000], arch);
  }
  const wide = new Fixture("i386");
  const [, , time] = wide.place("clock_nanosleep_time64(CLOCK_REALTIME, 0, {tv_sec=2, tv_nsec=5}, NULL)");
  assertEquals(wide.view(time, 16).getBigInt64(8, true), 5n);
  const user = new Fixture("x86_64");
  const [fds] = user.place("poll([{fd=3, events=POLLIN}, {fd=4, events=POLLOUT}], 2, 10)");
  const view = user.view(fds, 16);
  assertEquals([
    view.getInt32(0, true),
    view.getInt16(4, true),
    view.getInt32(8, true),
    view.getInt16(12, true),
  ], [
    3,
    1,
    4,
    4,
  ]);
});

Deno.test("socket addresses", () => {
  const user = new Fixture("arm64");
  const [, inet] = user.place(
    'connect(4, {sa_family=AF_INET, sin_port=htons(9009), sin_addr=inet_addr("127.0.0.1")}, 16)',
  );
  assertEquals([...user.read(inet, 8)], [2, 0, 0x23, 0x31, 127, 0, 0, 1]);
  const [, inet6] = user.place(
    'bind(4, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "fe80::1:2", &sin6_addr), sin6_scope_id=3}, 28)',
  );
  const bytes = user.read(inet6, 28);
  assertEquals([...bytes.subarray(0, 4)], [10, 0, 0, 80]);
  assertEquals([...bytes.subarray(8, 24)], [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2]);
  assertEquals(bytes[24], 3);
  const [, unix] = user.place('connect(4, {sa_family=AF_UNIX, sun_path=@"name"}, 7)');
  assertEquals([...user.read(unix, 7)], [1, 0, 0, 110, 97, 109, 101]);
});

Deno.test("signal sets and descriptor sets are bits", () => {
  const user = new Fixture("x86_64");
  const [, set] = user.place("rt_sigprocmask(SIG_BLOCK, [CHLD RT_1], NULL, 8)");
  assertEquals(user.view(set, 8).getBigUint64(0, true), 1n << 16n | 1n << 32n);
  const [, inverted] = user.place("rt_sigprocmask(SIG_SETMASK, ~[RTMIN RT_1], NULL, 8)");
  assertEquals(user.view(inverted, 8).getBigUint64(0, true), BigInt.asUintN(64, ~(3n << 31n)));
  const [, fds] = user.place("pselect6(4, [0 3], NULL, NULL, NULL, NULL)");
  assertEquals(user.read(fds, 1)[0], 0b1001);
});

Deno.test("vectors point to their buffers", () => {
  const user = new Fixture("i386");
  const [, vector] = user.place(
    'writev(3, [{iov_base="one", iov_len=3}, {iov_base="second", iov_len=6}], 2)',
  );
  const view = user.view(vector, 16);
  assertEquals([user.text(view.getUint32(0, true)), view.getUint32(4, true)], ["one", 3]);
  assertEquals([user.text(view.getUint32(8, true)), view.getUint32(12, true)], ["second", 6]);
});

Deno.test("what isn't known is NaN and noted", () => {
  const user = new Fixture("x86_64");
  assertEquals(user.place("fcntl(3, F_FANCY, ???)"), [3, NaN, NaN]);
  assertEquals(user.unknown, ["F_FANCY", "???"]);
});

Deno.test("positions in brackets have eight bytes, whatever lay there before", () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    for (const call of ["sendfile64(3, 5, [7] => [57], 50)", "splice(5, [7], 3, NULL, 50, 0)"]) {
      const user = new Fixture(arch);
      user.place('openat(AT_FDCWD, "a path that is longer than eight bytes", O_RDONLY)');
      assertEquals(user.view(user.place(call).find((word) => word > 4096), 8).getBigUint64(0, true), 7n);
    }
  }
});
