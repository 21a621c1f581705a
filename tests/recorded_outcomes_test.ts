/** What a recorded outcome means inside the kernel: which functions run, with what, and what each of them returns. */

import { assertEquals } from "@std/assert";
import type { Arch } from "../image/model.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { Kretprobe } from "../kernel/kprobes/mod.ts";
import { bootKernel } from "../session/boot.ts";
import { replay } from "../workloads/mod.ts";

const ARCHES: readonly Arch[] = ["x86_64", "arm64", "i386"];
const EXEC = `600 100.000000 execve("/bin/prog", ["prog"], 0x7ffd /* 1 var */) = 0 <0.000400>\n`;

/** Replays system calls of one process after its execve, with a kernel that `prepare` may probe. */
async function played(
  arch: Arch,
  lines: readonly string[],
  prepare: (k: Kernel) => void,
  seed = 1,
): Promise<void> {
  const text = lines.map((line, i) => `600 100.00${i + 1}000 ${line} <0.000100>\n`).join("");
  const workload = await replay(
    new TextEncoder().encode(`${EXEC}${text}600 100.500000 exit_group(0) = ?\n`),
  );
  const k = await bootKernel({ arch, seed });
  prepare(k);
  workload.start(k);
  k.scheduler.run();
}

/** `function = result`, in order of return, of those calls among `functions` that belong to the system call `name`. */
async function results(arch: Arch, line: string, functions: readonly string[]): Promise<string[]> {
  const seen: string[] = [];
  const name = line.slice(0, line.indexOf("("));
  await played(arch, [line], (k) => {
    for (const fn of functions) {
      const symbolName = k.calls.functionByName(fn)?.name;
      if (symbolName === undefined) continue;
      const rp = new Kretprobe({
        symbolName,
        handler: (_instance, regs) => {
          if (k.current.request?.name !== name) return 0;
          const value = Number(BigInt.asIntN(k.arch.wordSize * 8, regs.returnBig()));
          seen.push(`${fn} = ${value < -4095 || value > 0x10000 ? "pointer" : value}`);
          return 0;
        },
        maxactive: 20,
      });
      assertEquals(k.kprobes.registerKretprobe(rp), 0, fn);
    }
  });
  return seen;
}

for (const arch of ARCHES) {
  Deno.test(`${arch}: a truncate is one call of each function`, async () => {
    const name = arch === "i386" ? "truncate64" : "truncate";
    assertEquals(
      await results(arch, `${name}("/tmp/f", 6000) = 0`, [
        "do_sys_truncate",
        "vfs_truncate",
        "do_truncate",
        "notify_change",
      ]),
      ["notify_change = 0", "do_truncate = 0", "vfs_truncate = 0", "do_sys_truncate = 0"],
    );
  });

  Deno.test(`${arch}: 64-bit arguments arrive whole, and a vector's length is that of its ranges`, async () => {
    const seen: (string | number)[] = [];
    const fadvise = arch === "x86_64" ? "fadvise64" : "fadvise64_64";
    const lines = [
      `openat(AT_FDCWD, "/tmp/f", O_RDWR|O_CREAT, 0644) = 3`,
      `fallocate(3, 0, 5000000000, 20000) = 0`,
      `${fadvise}(3, 0, 0, POSIX_FADV_SEQUENTIAL) = 0`,
      `readv(3, [{iov_base="a"..., iov_len=100}, {iov_base="b"..., iov_len=5000}], 2) = 5100`,
    ];
    const watched: Record<string, number> = {
      vfs_fallocate: 1,
      shmem_fallocate: 1,
      generic_fadvise: 1,
      rw_verify_area: 3,
      do_iter_readv_writev: 3,
    };
    await played(arch, lines, (k) => {
      for (const [name, first] of Object.entries(watched)) {
        k.calls.functionByName(name)!.hooks = {
          offsets: [],
          entry: (regs) => {
            const count = k.calls.functionByName(name)!.nargs;
            if (name !== "rw_verify_area" || k.current.request?.name === "readv") {
              seen.push(
                name,
                ...Array.from({ length: Math.min(count, 4) - first }, (_, i) => regs.param(first + i)),
              );
            }
            return false;
          },
          at: () => {},
        };
      }
    });
    assertEquals(seen, [
      ...["vfs_fallocate", 0, 5000000000, 20000],
      ...["shmem_fallocate", 0, 5000000000, 20000],
      ...["generic_fadvise", 0, 0, 2],
      ...["rw_verify_area", 5100],
      ...["do_iter_readv_writev", 0],
    ]);
  });
}

/** Functions that opening goes through, outermost last where they nest. */
const OPENING = [
  "getname",
  "alloc_fd",
  "get_unused_fd_flags",
  "alloc_empty_file",
  "mnt_want_write",
  "complete_walk",
  "inode_permission",
  "may_open",
  "do_dentry_open",
  "vfs_open",
  "path_openat",
  "do_filp_open",
  "do_sys_openat2",
];

Deno.test("a failed open fails where it fails, and everything above says so", async () => {
  const open = (error: string, flags = "O_RDONLY", path = '"/srv/data/file"') =>
    `openat(AT_FDCWD, ${path}, ${flags}) = -1 ${error} (why)`;
  const failed = async (line: string) =>
    (await results("x86_64", line, OPENING)).filter((text) => / = -\d+$/.test(text)).map((text) =>
      text.replace(" = ", "")
    );
  const up = (error: number, ...first: string[]) =>
    [...first, "path_openat", "do_filp_open", "do_sys_openat2"].map((fn) => `${fn}-${error}`);
  assertEquals(await failed(open("EACCES")), up(13, "inode_permission", "may_open"));
  assertEquals(await failed(open("EPERM", "O_RDONLY|O_NOATIME")), up(1, "may_open"));
  assertEquals(await failed(open("EROFS", "O_WRONLY")), up(30, "inode_permission", "may_open"));
  assertEquals(await failed(open("EISDIR", "O_WRONLY")), up(21, "may_open"));
  assertEquals(await failed(open("ENXIO", "O_WRONLY|O_NONBLOCK")), up(6, "do_dentry_open", "vfs_open"));
  assertEquals(await failed(open("ENODEV")), up(19, "do_dentry_open", "vfs_open"));
  assertEquals(await failed(open("ETXTBSY", "O_RDWR")), up(26, "do_dentry_open", "vfs_open"));
  assertEquals(await failed(open("EINTR")), up(4, "do_dentry_open", "vfs_open"));
  assertEquals(await failed(open("EOVERFLOW")), up(75, "do_dentry_open", "vfs_open"));
  assertEquals(await failed(open("EINVAL", "O_RDONLY|O_DIRECT")), up(22, "do_dentry_open", "vfs_open"));
  assertEquals(await failed(open("EINVAL", "O_RDONLY|__O_TMPFILE")), ["do_sys_openat2-22"]);
  assertEquals(await failed(open("ENFILE")), up(23, "alloc_empty_file"));
  assertEquals(await failed(open("ENOMEM")), up(12, "alloc_empty_file"));
  assertEquals(await failed(open("EMFILE")), ["alloc_fd-24", "get_unused_fd_flags-24", "do_sys_openat2-24"]);
  assertEquals(await failed(open("ELOOP", "O_RDONLY|O_NOFOLLOW")), up(40, "may_open"));
  assertEquals(await failed(open("ELOOP")), up(40));
  assertEquals(await failed(open("ENOTDIR")), up(20));
  assertEquals(await failed(open("ENOTDIR", "O_RDONLY|O_DIRECTORY")), up(20));
  assertEquals(await failed(open("ENOENT")), up(2));
  assertEquals(await failed(open("EEXIST", "O_WRONLY|O_CREAT|O_EXCL, 0644")), up(17));
  assertEquals(await failed(open("ENOSPC", "O_WRONLY|O_CREAT, 0644")), up(28));
  assertEquals(await failed(open("EFAULT", "O_RDONLY", "NULL")), ["getname-14", "do_sys_openat2-14"]);
  assertEquals(await failed(open("ENAMETOOLONG", "O_RDONLY", `"/srv/${"x".repeat(300)}"`)), up(36));
  assertEquals(
    await failed(open("ENAMETOOLONG", "O_RDONLY", `"/${"x/".repeat(2500)}"`)),
    ["getname-36", "do_sys_openat2-36"],
  );
});

const CALLS: Readonly<Record<string, readonly string[]>> = {
  'mkdirat(AT_FDCWD, "/srv/a/b", 0755)': [
    "EACCES",
    "EROFS",
    "ENOSPC",
    "EEXIST",
    "ENOENT",
    "ENOTDIR",
    "EPERM",
    "EDQUOT",
    "EMLINK",
  ],
  'unlinkat(AT_FDCWD, "/srv/a/b", 0)': [
    "EACCES",
    "EROFS",
    "ENOENT",
    "ENOTDIR",
    "EPERM",
    "EISDIR",
    "EBUSY",
    "EIO",
  ],
  'unlinkat(AT_FDCWD, "/srv/a/b", AT_REMOVEDIR)': [
    "EACCES",
    "EROFS",
    "ENOENT",
    "ENOTDIR",
    "ENOTEMPTY",
    "EBUSY",
    "EPERM",
  ],
  'symlinkat("x", AT_FDCWD, "/srv/a/b")': [
    "EACCES",
    "EROFS",
    "ENOSPC",
    "EEXIST",
    "ENOENT",
    "ENOTDIR",
    "EPERM",
  ],
  'linkat(AT_FDCWD, "/srv/c", AT_FDCWD, "/srv/a/b", 0)': [
    "EACCES",
    "EROFS",
    "EXDEV",
    "EEXIST",
    "ENOENT",
    "EPERM",
    "EMLINK",
  ],
  'renameat(AT_FDCWD, "/srv/c", AT_FDCWD, "/srv/a/b")': [
    "EACCES",
    "EROFS",
    "EXDEV",
    "ENOENT",
    "EPERM",
    "ENOSPC",
  ],
  'newfstatat(AT_FDCWD, "/srv/a/b", 0x7ffd0000, 0)': [
    "EACCES",
    "ENOENT",
    "ENOTDIR",
    "ELOOP",
    "EOVERFLOW",
    "EFAULT",
    "EIO",
  ],
  'faccessat(AT_FDCWD, "/srv/a/b", W_OK)': ["EACCES", "ENOENT", "ENOTDIR", "ELOOP", "EROFS", "ETXTBSY"],
  'chdir("/srv/a/b")': ["EACCES", "ENOENT", "ENOTDIR", "ELOOP"],
  'truncate("/srv/a/b", 10)': ["EACCES", "ENOENT", "ENOTDIR", "EROFS", "EPERM", "EFBIG", "ETXTBSY", "EINTR"],
  'readlinkat(AT_FDCWD, "/srv/a/b", ""..., 100)': ["EACCES", "ENOENT", "EINVAL", "ENOTDIR"],
};

for (const [call, errors] of Object.entries(CALLS)) {
  Deno.test(`${call}: the model itself fails as recorded`, async () => {
    for (const error of errors) {
      const seen: string[] = [];
      const name = call.slice(0, call.indexOf("("));
      let recorded: number | undefined;
      await played("x86_64", [`${call} = -1 ${error} (why)`], (k) => {
        const entry = k.image.syscallEntry(name)!;
        const rp = new Kretprobe({
          symbolName: entry,
          handler: (_instance, regs) => {
            recorded = k.current.request?.recorded?.ret;
            seen.push(`${error} ${Number(regs.returnBig())}`);
            return 0;
          },
        });
        k.kprobes.registerKretprobe(rp);
      });
      assertEquals(seen, [`${error} ${recorded}`]);
    }
  });
}

Deno.test("a file with a position is read through its position, a pipe through none", async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const seen: string[] = [];
    await played("x86_64", [
      `openat(AT_FDCWD, "/srv/file", O_RDONLY) = 3`,
      ...Array.from({ length: 5 }, () => `read(3, "x", 1) = 1`),
      `pipe2([4, 5], 0) = 0`,
      `write(5, "x", 1) = 1`,
      `read(4, "x", 1) = 1`,
    ], (k) => {
      for (const name of ["vfs_read", "vfs_write"]) {
        k.calls.functionByName(name)!.hooks = {
          offsets: [],
          entry: () => {
            const at = k.calls.returnAddress(k.current);
            const caller = k.image.symbolAt(at);
            if (k.current.request?.name !== "execve") seen.push(`${caller?.symbol.name}+${caller?.offset}`);
            return false;
          },
          at: () => {},
        };
      }
    }, seed);
    assertEquals(seen, [...Array(5).fill("ksys_read+107"), "ksys_write+183", "ksys_read+183"]);
  }
});
