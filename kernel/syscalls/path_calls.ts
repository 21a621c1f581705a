/**
 * Where system calls have their paths: which argument, relative to which descriptor, and what success implies.
 *
 * @module
 */

/** A path among a call's arguments. */
export interface PathArgument {
  /** Index of the pointer to it. */
  readonly path: number;
  /** Index of the directory's descriptor; the current directory without it. */
  readonly dfd?: number;
  /** Index of the flags that bear on it. */
  readonly flags?: number;
  /** Whether the call makes what it names; by its flags without this. */
  readonly creates?: "no" | "maybe" | "always";
  /** A final symbolic link is meant itself. */
  readonly nofollow?: boolean;
  /** What it names is a directory. */
  readonly directory?: boolean;
}

const STAT: readonly PathArgument[] = [{ path: 0 }];
const LSTAT: readonly PathArgument[] = [{ path: 0, nofollow: true }];
const MAKE: readonly PathArgument[] = [{ path: 0, creates: "always" }];
const MAKE_AT: readonly PathArgument[] = [{ path: 1, dfd: 0, creates: "always" }];
const RENAME_AT: readonly PathArgument[] = [
  { path: 1, dfd: 0, nofollow: true },
  { path: 3, dfd: 2, creates: "maybe", nofollow: true },
];

/** Paths by system call. */
export const PATH_CALLS: ReadonlyMap<string, readonly PathArgument[]> = new Map(
  Object.entries<readonly PathArgument[]>({
    open: [{ path: 0, flags: 1 }],
    openat: [{ path: 1, dfd: 0, flags: 2 }],
    creat: [{ path: 0, creates: "maybe" }],
    stat: STAT,
    stat64: STAT,
    lstat: LSTAT,
    lstat64: LSTAT,
    newfstatat: [{ path: 1, dfd: 0, flags: 3 }],
    fstatat64: [{ path: 1, dfd: 0, flags: 3 }],
    statx: [{ path: 1, dfd: 0, flags: 2 }],
    access: [{ path: 0 }],
    faccessat: [{ path: 1, dfd: 0 }],
    faccessat2: [{ path: 1, dfd: 0, flags: 3 }],
    chdir: [{ path: 0, directory: true }],
    mkdir: MAKE,
    mkdirat: MAKE_AT,
    mknod: MAKE,
    mknodat: MAKE_AT,
    rmdir: [{ path: 0, nofollow: true, directory: true }],
    unlink: LSTAT,
    unlinkat: [{ path: 1, dfd: 0, flags: 2, nofollow: true }],
    rename: [{ path: 0, nofollow: true }, { path: 1, creates: "maybe", nofollow: true }],
    renameat: RENAME_AT,
    renameat2: RENAME_AT,
    link: [{ path: 0, nofollow: true }, { path: 1, creates: "always" }],
    linkat: [{ path: 1, dfd: 0, nofollow: true }, { path: 3, dfd: 2, creates: "always" }],
    symlink: [{ path: 1, creates: "always" }],
    symlinkat: [{ path: 2, dfd: 1, creates: "always" }],
    readlink: LSTAT,
    readlinkat: [{ path: 1, dfd: 0, nofollow: true }],
    chmod: STAT,
    fchmodat: [{ path: 1, dfd: 0 }],
    chown: STAT,
    lchown: LSTAT,
    fchownat: [{ path: 1, dfd: 0 }],
    truncate: STAT,
    truncate64: STAT,
    statfs: STAT,
    statfs64: STAT,
    execve: STAT,
    execveat: [{ path: 1, dfd: 0, flags: 4 }],
    getxattr: STAT,
    lgetxattr: LSTAT,
    listxattr: STAT,
    setxattr: STAT,
    removexattr: STAT,
    utimensat: [{ path: 1, dfd: 0, flags: 3 }],
  }),
);
