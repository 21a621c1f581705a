import { assert, assertEquals } from "@std/assert";
import type { Compound } from "./layout.ts";
import { coreImage } from "./load.ts";
import type { Arch, KernelImage } from "./model.ts";

/** `STRUCT.path` as `offset TYPE`, or `offset:shift/bits TYPE`. */
function where(image: KernelImage, path: string): string | undefined {
  const dot = path.indexOf(".");
  const type = image.type(`struct ${path.slice(0, dot)}`);
  const at = type && image.field(type, path.slice(dot + 1));
  if (!at) return undefined;
  const bits = at.bitSize === 0 ? "" : `:${at.bitShift}/${at.bitSize}`;
  return `${at.offset}${bits} ${image.typeText(at.type)}`;
}

async function assertLayout(arch: Arch, expected: Readonly<Record<string, string>>): Promise<void> {
  const image = await coreImage(arch);
  for (const [path, layout] of Object.entries(expected)) {
    assertEquals(where(image, path), layout, `${arch} ${path}`);
  }
}

// Seen on the running kernels too: arguments that point into their caller's object. path_get(&file->f_path),
// file_ra_state_init(&file->f_ra), sk_stop_timer(sk, &icsk->...), hrtimer_init(&tp->pacing_timer) in the recordings.
Deno.test("offsets are those that recorded arguments show", async () => {
  await assertLayout("x86_64", {
    "file.f_path": "16 struct path",
    "file.f_ra": "152 struct file_ra_state",
    "file.f_rcuhead": "0 struct callback_head",
    "inet_connection_sock.icsk_retransmit_timer": "1096 struct timer_list",
    "inet_connection_sock.icsk_delack_timer": "1136 struct timer_list",
    "inet_connection_sock.icsk_keepalive_timer": "1176 struct timer_list",
    "tcp_sock.pacing_timer": "1872 struct hrtimer",
    "tcp_sock.compressed_ack_timer": "1936 struct hrtimer",
  });
  await assertLayout("arm64", {
    "file.f_path": "16 struct path",
    "file.f_ra": "152 struct file_ra_state",
    "inet_connection_sock.icsk_retransmit_timer": "1096 struct timer_list",
    "tcp_sock.compressed_ack_timer": "1936 struct hrtimer",
  });
  await assertLayout("i386", {
    "file.f_path": "8 struct path",
    "file.f_ra": "100 struct file_ra_state",
    "inet_connection_sock.icsk_retransmit_timer": "800 struct timer_list",
    "inet_connection_sock.icsk_delack_timer": "820 struct timer_list",
    "sock.sk_timer": "304 struct timer_list",
    "tcp_sock.pacing_timer": "1456 struct hrtimer",
    "tcp_sock.compressed_ack_timer": "1496 struct hrtimer",
  });
});

Deno.test("layouts fixed by convention: pt_regs, headers, list heads", async () => {
  await assertLayout("x86_64", {
    "pt_regs.r15": "0 long unsigned int",
    "pt_regs.di": "112 long unsigned int",
    "pt_regs.orig_ax": "120 long unsigned int",
    "pt_regs.ip": "128 long unsigned int",
    "pt_regs.sp": "152 long unsigned int",
    "list_head.prev": "8 struct list_head *",
  });
  await assertLayout("arm64", {
    "pt_regs.regs": "0 u64[31]",
    "pt_regs.regs[30]": "240 u64",
    "pt_regs.sp": "248 u64",
    "pt_regs.pc": "256 u64",
    "pt_regs.user_regs.regs[1]": "8 __u64",
  });
  await assertLayout("i386", {
    "pt_regs.bx": "0 long unsigned int",
    "pt_regs.ip": "48 long unsigned int",
    "list_head.prev": "4 struct list_head *",
  });
});

Deno.test("bit-fields have a byte, a shift and a width", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    await assertLayout(arch, {
      "iphdr.ihl": "0:0/4 __u8",
      "iphdr.version": "0:4/4 __u8",
      "tcphdr.doff": "12:4/4 __u16",
      "tcphdr.fin": "13:0/1 __u16",
      "tcphdr.syn": "13:1/1 __u16",
    });
  }
  await assertLayout("x86_64", {
    "task_struct.in_execve": "2344:2/1 unsigned int",
    "sk_buff.pkt_type": "128:0/3 __u8",
    "sk_buff.ip_summed": "128:5/2 __u8",
  });
});

Deno.test("paths go through anonymous members, nested structs, unions and elements, not through pointers", async () => {
  await assertLayout("x86_64", {
    "dentry.d_name.len": "36 u32",
    "dentry.d_name.name": "40 const unsigned char *",
    "dentry.d_name.hash_len": "32 u64",
    "page.mapping": "24 struct address_space *",
    "page.compound_head": "8 long unsigned int",
    "page._refcount": "52 atomic_t",
    "sk_buff.next": "0 struct sk_buff *",
    "task_struct.comm[3]": "2979 char",
    "sock.__sk_common.skc_state": "18 volatile unsigned char",
  });
  const image = await coreImage("x86_64");
  const no = [
    "task_struct.comm[16]",
    "task_struct.mm.pgd",
    "task_struct.nope",
    "task_struct.pid.x",
    "task_struct.pid[0]",
  ];
  assertEquals(no.map((path) => where(image, path)), no.map(() => undefined));
});

Deno.test("sizes of whole types", async () => {
  const sizes = async (arch: Arch, names: readonly string[]) => {
    const image = await coreImage(arch);
    return names.map((name) => {
      const type = image.type(name);
      assert(type, `${arch} ${name}`);
      return image.sizeOf(type);
    });
  };
  const names = [
    "struct page",
    "struct qstr",
    "struct path",
    "struct pt_regs",
    "umode_t",
    "pid_t",
    "enum pid_type",
    "u64",
  ];
  assertEquals(await sizes("x86_64", names), [64, 16, 16, 168, 2, 4, 4, 8]);
  assertEquals(await sizes("arm64", names), [64, 16, 16, 336, 2, 4, 4, 8]);
  assertEquals(
    await sizes("i386", names),
    [40, 16, 8, 68, 2, 4, 4, 8].map((size, i) => i === 0 ? size : i === 1 ? 12 : size),
  );
});

Deno.test("every field name of every type leads somewhere inside the type", async () => {
  for (const arch of ["x86_64", "arm64", "i386"] as const) {
    const image = await coreImage(arch);
    let checked = 0;
    for (const name of image.typeNames("[a-m]*")) {
      const type = image.type(`struct ${name}`);
      if (!type) continue;
      for (const field of image.fieldNames(type)) {
        const at = image.field(type, field);
        assert(at, `${arch} struct ${name}.${field}`);
        assert(
          at.offset + Math.ceil((at.bitShift + at.bitSize) / 8) <= image.sizeOf(type),
          `struct ${name}.${field}`,
        );
        assert(
          at.bitSize > 0 || at.offset + image.sizeOf(at.type) <= image.sizeOf(type),
          `struct ${name}.${field}`,
        );
        checked++;
      }
    }
    assert(checked > 5000, `${arch}: ${checked}`);
  }
});

Deno.test("members do not overlap in structs", async () => {
  const image = await coreImage("x86_64");
  for (const name of ["task_struct", "file", "inode", "dentry", "sk_buff", "sock", "mm_struct"]) {
    const type = image.type(`struct ${name}`) as Compound;
    let end = 0;
    for (const member of type.members) {
      assert(member.bitOffset >= end, `${name}.${member.name}`);
      end = member.bitOffset + (member.bitSize || image.sizeOf(member.type) * 8);
    }
    assert(end <= type.size * 8);
  }
});
