/**
 * The activities of the `graph-NAME` transcripts, as recordings of the system calls that their commands make: so the model
 * runs them as it runs any program. Times and results are what such a command typically sees; nothing of them comes from
 * the transcripts.
 *
 * @module
 */

/** One task's calls; a first element that is a number is its pid. */
type Calls = readonly string[];

const ON_DISK =
  'statfs(".", {f_type=EXT2_SUPER_MAGIC, f_bsize=1024, f_blocks=63461, f_bfree=63445, f_bavail=60169, f_files=16384, f_ffree=16372, f_namelen=255, f_frsize=1024}) = 0';
const ANON = "MAP_PRIVATE|MAP_ANONYMOUS, -1, 0";
const ZEROS = '"\\0\\0\\0\\0\\0\\0\\0\\0"...';
const SERVER = '{sa_family=AF_INET, sin_port=htons(5555), sin_addr=inet_addr("127.0.0.1")}';
const TCP: Calls = [
  "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3",
  `bind(3, ${SERVER}, 16) = 0`,
  "listen(3, 5) = 0",
  "socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 4",
  `connect(4, ${SERVER}, 16) = 0`,
  "accept(3, NULL, NULL) = 5",
  'sendto(4, "0123456789012345678901234567890123456789012345678901234567890123", 64, 0, NULL, 0) = 64',
  'recvfrom(5, "0123456789012345678901234567890123456789012345678901234567890123", 64, 0, NULL, NULL) = 64',
  'sendto(5, "0123456789012345678901234567890123456789012345678901234567890123", 64, 0, NULL, 0) = 64',
  'recvfrom(4, "0123456789012345678901234567890123456789012345678901234567890123", 64, 0, NULL, NULL) = 64',
  "close(5) = 0",
  "close(4) = 0",
  "close(3) = 0",
];
const RW: Calls = [
  "close(3) = 0",
  'openat(AT_FDCWD, "/tmp/rw", O_RDWR|O_CREAT, 0644) = 3',
  'write(3, "hello world\\n", 12) = 12',
  "lseek(3, 0, SEEK_SET) = 0",
  'read(3, "hello world\\n", 64) = 12',
  "close(3) = 0",
];
/** What was there before the command: another process' calls. */
const BEFORE: Readonly<Record<string, Calls>> = {
  getdents: [
    'mkdir("/tmp/d", 0755) = 0',
    ...Array.from({ length: 6 }, (_, i) => `mknod("/tmp/d/f${i}", S_IFREG|0644) = 0`),
  ],
  rw: [
    'openat(AT_FDCWD, "/tmp/rw", O_RDWR|O_CREAT, 0644) = 3',
    'write(3, "hello world\\n", 12) = 12',
    "close(3) = 0",
  ],
};
/** Activities whose output went to a file: the shell's calls before it became the command. */
const TO_FILE = new Set(["cat", "procread"]);
const OUTPUT: Calls = [
  'openat(AT_FDCWD, "/tmp/out", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3',
  "dup2(3, 1) = 1",
];
/** The process that was before. */
const OTHER = 9;
/** The tasks of a command: it, and its child. */
export const COMMAND_PIDS: ReadonlySet<string> = new Set(["10", "20"]);

const FORK: Calls = [
  "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x5500690) = 20",
  "<... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 20",
];

const SCRIPTS: Readonly<Record<string, Calls>> = {
  brk: [
    "brk(0x5560000) = 0x5560000",
    "brk(0x5581000) = 0x5581000",
    "brk(0x5560000) = 0x5560000",
    "brk(NULL) = 0x5560000",
  ],
  cat: [
    "close(3) = 0",
    'openat(AT_FDCWD, "/tmp/f1", O_RDONLY) = 3',
    "sendfile(1, 3, NULL, 16777216) = 6",
    "sendfile(1, 3, NULL, 16777216) = 0",
    "close(3) = 0",
  ],
  execve: ['execve("/bin/true", ["true"], 0x7ffd00000000 /* 3 vars */) = 0'],
  exit: FORK,
  "ext4-fsync": [
    ON_DISK,
    'openat(AT_FDCWD, "w2", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3',
    `write(3, ${ZEROS}, 4096) = 4096`,
    "fsync(3) = 0",
  ],
  "ext4-read-hit": [
    ON_DISK,
    'openat(AT_FDCWD, "big", O_RDONLY) = 3',
    `pread64(3, ${ZEROS}, 8192, 0) = 8192`,
    `read(3, ${ZEROS}, 4096) = 4096`,
    `read(3, ${ZEROS}, 4096) = 4096`,
  ],
  "ext4-read-miss": [ON_DISK, 'openat(AT_FDCWD, "big", O_RDONLY) = 3', `read(3, ${ZEROS}, 4096) = 4096`],
  "ext4-write": [
    ON_DISK,
    'openat(AT_FDCWD, "w", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3',
    `write(3, ${ZEROS}, 4096) = 4096`,
    `write(3, ${ZEROS}, 4096) = 4096`,
  ],
  fork: FORK,
  getdents: [
    'openat(AT_FDCWD, "/tmp/d", O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_DIRECTORY) = 3',
    "getdents64(3, 0x55c0 /* 8 entries */, 32768) = 200",
    "getdents64(3, 0x55c0 /* 0 entries */, 32768) = 0",
  ],
  mkdir: ['mkdir("/tmp/newdir", 0755) = 0'],
  mmap: [
    `mmap(NULL, 16384, PROT_READ|PROT_WRITE, ${ANON}) = 0x7f0000000000`,
    "munmap(0x7f0000000000, 16384) = 0",
  ],
  nanosleep: ["clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=1000000}, NULL) = 0 <0.001100>"],
  openfail: ['openat(AT_FDCWD, "/nonexistent", O_RDONLY) = -1 ENOENT (No such file or directory)'],
  pagefault: [
    `mmap(NULL, 16384, PROT_READ|PROT_WRITE, ${ANON}) = 0x7f0000000000`,
    "getpid() = 10",
    "munmap(0x7f0000000000, 16384) = 0",
  ],
  procread: [
    'openat(AT_FDCWD, "/proc/uptime", O_RDONLY) = 3',
    "sendfile(1, 3, NULL, 16777216) = 12",
    "sendfile(1, 3, NULL, 16777216) = 0",
    "close(3) = 0",
  ],
  rw: RW,
  "rw-deep": RW,
  schedule: [
    "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=2000000}, NULL) = 0 <0.002100>",
    "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=2000000}, NULL) = 0 <0.002100>",
  ],
  stat: ['newfstatat(AT_FDCWD, "/tmp/f1", {st_mode=S_IFREG|0644, st_size=6, ...}, 0) = 0'],
  "tcp-connect-accept": TCP,
  "tcp-connect": TCP,
  "tcp-send": TCP,
  "tcp-send-recv": TCP,
  "timer-irq": [
    "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=5000000}, NULL) = 0 <0.005100>",
    "clock_nanosleep(CLOCK_REALTIME, 0, {tv_sec=0, tv_nsec=5000000}, NULL) = 0 <0.005100>",
  ],
  unlink: [
    'openat(AT_FDCWD, "/tmp/ul", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3',
    "close(3) = 0",
    'unlink("/tmp/ul") = 0',
  ],
  "wait-exit": FORK,
};

/** What a statically linked program begins with. */
const BEGIN: Calls = [
  'execve("/usr/bin/sysx", ["sysx"], 0x7ffd00000000 /* 2 vars */) = 0 <0.002000>',
  "brk(NULL) = 0x5500000",
  "brk(0x5500d40) = 0x5500d40",
  "set_tid_address(0x5500690) = 10",
];

/**
 * An activity's system calls as `strace -f -ttt -T` would print them; undefined for one that is not known. A name like
 * `execve-shallow` is `execve` recorded to another depth.
 */
export function activityRecording(name: string): Uint8Array | undefined {
  const plain = SCRIPTS[name] === undefined ? name.replace(/-(?:shallow|deep)$/, "") : name;
  const script = SCRIPTS[plain];
  if (script === undefined) return undefined;
  let now = 1_700_000_000_000_000;
  const line = (pid: number, call: string) => {
    now += 3000;
    const at = `${Math.floor(now / 1e6)}.${String(now % 1e6).padStart(6, "0")}`;
    return `${pid} ${at} ${call}${/ = (?!\?)/.test(call) && !/<[\d.]+>$/.test(call) ? " <0.000400>" : ""}\n`;
  };
  const before = BEFORE[plain.replace(/-deep$/, "")];
  let text = before === undefined
    ? ""
    : [...before, "exit_group(0) = ?", "+++ exited with 0 +++"].map((call) => line(OTHER, call)).join("");
  if (TO_FILE.has(plain)) text += OUTPUT.map((call) => line(10, call)).join("");
  text += [...BEGIN, ...script.slice(0, 1)].map((call) => line(10, call)).join("");
  if (script === FORK) {
    // The parent waits before the child has ended.
    text += line(10, "wait4(20,  <unfinished ...>");
    text += line(20, "exit_group(0) = ?") + line(20, "+++ exited with 0 +++");
  }
  text += script.slice(1).map((call) => line(10, call)).join("");
  text += line(10, "exit_group(0) = ?") + line(10, "+++ exited with 0 +++");
  return new TextEncoder().encode(text);
}
