/**
 * Controls of files: what the VFS answers itself (`do_vfs_ioctl`), and what pipes, terminals and a few more do.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { behaviour, type Blocking, fn, type FunctionRef } from "../calls/function.ts";
import type { Kernel } from "../kernel.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser, storeUserBytes } from "../process/user_store.ts";
import { EBADF, EFAULT, EINVAL, EISDIR, ENOTTY, EOPNOTSUPP, EXDEV } from "../syscalls/errno.ts";
import { SET_CLOSE_ON_EXEC } from "./dup.ts";
import { fileOf } from "./fdtable.ts";
import { FILE, INODE } from "./fields.ts";
import { CONTROLLERS, SOCKET } from "./fileops.ts";
import { FMODE_PATH, FMODE_READ, FMODE_WRITE, O_NONBLOCK, S_IFDIR, S_IFREG } from "./modes.ts";
import { recorded, recordedOr } from "./recorded.ts";

/** What `do_vfs_ioctl` says of a command that is not its own; user space sees -ENOTTY. */
const ENOIOCTLCMD = 515;
const O_ASYNC = 0o20000;

const FIBMAP = 0x1;
const FIGETBSZ = 0x2;
const FIONREAD = 0x541b;
const FIONBIO = 0x5421;
const FIONCLEX = 0x5450;
const FIOCLEX = 0x5451;
const FIOASYNC = 0x5452;
const FIOQSIZE = 0x5460;
const FICLONE = 0x40049409;
const FICLONERANGE = 0x4020940d;
const FIDEDUPERANGE = 0xc0189436;

/** Answers what is the same for all files; -ENOIOCTLCMD for the rest. (file, fd, cmd, arg) */
export const DO_VFS_IOCTL: FunctionRef = behaviour(
  "do_vfs_ioctl",
  [SET_CLOSE_ON_EXEC],
  (k, address = 0, fd = 0, cmd = 0, arg = 0) => {
    const file = k.vfs.files.get(address);
    const inode = file?.inode ?? null;
    const stored = (ok: boolean): number => ok || recorded(k) !== undefined ? 0 : -EFAULT;
    switch (cmd >>> 0) {
      case FIOCLEX:
      case FIONCLEX:
        k.call(SET_CLOSE_ON_EXEC, fd, cmd === FIOCLEX ? 1 : 0);
        return 0;
      case FIONBIO:
      case FIOASYNC: {
        const on = loadUser(k, arg, 4, true);
        if (Number.isNaN(on)) return stored(false);
        const bit = cmd === FIONBIO ? O_NONBLOCK : O_ASYNC;
        const flags = FILE.flags.get(k, address);
        FILE.flags.set(k, address, on !== 0 ? flags | bit : flags & ~bit);
        return 0;
      }
      case FIOQSIZE:
        if (inode?.type !== S_IFREG && inode?.type !== S_IFDIR) return -ENOTTY;
        return stored(storeUser(k, arg, 8, inode.size));
      case FIGETBSZ:
        return stored(storeUser(k, arg, 4, 1 << (inode === null ? 12 : INODE.blkbits.get(k, inode.address))));
      case FIONREAD:
        if (inode?.type !== S_IFREG) return -ENOIOCTLCMD;
        return stored(storeUser(k, arg, 4, inode.size - FILE.pos.get(k, address)));
      case FICLONE:
      case FICLONERANGE:
        return cloneRange(k, address, cmd >>> 0 === FICLONE ? arg : loadUser(k, arg, 8, true));
      case FIDEDUPERANGE:
        return recordedOr(k, -EOPNOTSUPP);
      case FIBMAP:
        return inode?.type === S_IFREG ? recordedOr(k, -EINVAL) : -ENOIOCTLCMD;
      default:
        return -ENOIOCTLCMD;
    }
  },
);

/** Sharing blocks between files: no file system here does. */
function cloneRange(k: Kernel, to: Addr, fd: number): number {
  const replayed = recorded(k);
  if (replayed !== undefined) return replayed.ret;
  if (Number.isNaN(fd)) return -EFAULT;
  const source = fileOf(k, fd);
  const target = k.vfs.files.get(to);
  if (source?.inode == null || target?.inode == null) return -EBADF;
  if (INODE.sb.get(k, source.inode.address) !== INODE.sb.get(k, target.inode.address)) return -EXDEV;
  if (source.inode.type === S_IFDIR || target.inode.type === S_IFDIR) return -EISDIR;
  if (source.inode.type !== S_IFREG || target.inode.type !== S_IFREG) return -EINVAL;
  const readable = (FILE.mode.get(k, source.address) & FMODE_READ) !== 0;
  return readable && (FILE.mode.get(k, to) & FMODE_WRITE) !== 0 ? -EOPNOTSUPP : -EBADF;
}

/** A pipe tells how many bytes wait in it. */
const PIPE_IOCTL: FunctionRef = behaviour("pipe_ioctl", [], (k, address = 0, cmd = 0, arg = 0) => {
  const pipe = k.vfs.files.get(address)?.inode?.pipe;
  if (cmd !== FIONREAD || pipe == null) return -ENOIOCTLCMD;
  return storeUser(k, arg, 4, pipe.length) || recorded(k) !== undefined ? 0 : -EFAULT;
});

/** inotify tells how many bytes its events take. */
const INOTIFY_IOCTL: FunctionRef = behaviour("inotify_ioctl", [], (k, address = 0, cmd = 0, arg = 0) => {
  const group = k.vfs.watches.groups.get(FILE.privateData.get(k, address));
  if (cmd !== FIONREAD) return -ENOTTY;
  return storeUser(k, arg, 4, group?.bytes ?? 0) || recorded(k) !== undefined ? 0 : -EFAULT;
});

const TCGETS = 0x5401;
const TCSETS = [0x5402, 0x5403, 0x5404];
const TIOCGPGRP = 0x540f;
const TIOCSPGRP = 0x5410;
const TIOCGWINSZ = 0x5413;
const TIOCSWINSZ = 0x5414;
/** A terminal of the usual kind: `icrnl ixon opost onlcr cs8 38400 isig icanon echo …`, and the usual keys. */
const TERMIOS = [0x0500, 0x0005, 0x00bf, 0x8a3b];
const KEYS = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];

/** A terminal tells its modes and its size, 24 by 80. */
const TTY_IOCTL: FunctionRef = behaviour("tty_ioctl", [], (k, _file = 0, cmd = 0, arg = 0) => {
  const stored = (ok: boolean): number => ok || recorded(k) !== undefined ? 0 : -EFAULT;
  switch (cmd) {
    case TCGETS: {
      const bytes = new Uint8Array(36);
      const view = new DataView(bytes.buffer);
      TERMIOS.forEach((word, i) => view.setUint32(i * 4, word, true));
      bytes.set(KEYS, 17);
      return stored(storeUserBytes(k, arg, bytes));
    }
    case TIOCGWINSZ:
      return stored(storeUserBytes(k, arg, Uint8Array.of(24, 0, 80, 0, 0, 0, 0, 0)));
    case TIOCGPGRP:
      return stored(storeUser(k, arg, 4, k.current.tgid));
    case TIOCSPGRP:
    case TIOCSWINSZ:
      return stored(!Number.isNaN(loadUser(k, arg, 4, true)));
    default:
      return TCSETS.includes(cmd) ? 0 : -ENOTTY;
  }
});

/** `/dev/urandom` tells how much chance it has: all there can be. */
const RANDOM_IOCTL: FunctionRef = behaviour("random_ioctl", [], (k, _file = 0, cmd = 0, arg = 0) => {
  const RNDGETENTCNT = 0x80045200;
  if (cmd >>> 0 !== RNDGETENTCNT) return -EINVAL;
  return storeUser(k, arg, 4, 256) || recorded(k) !== undefined ? 0 : -EFAULT;
});

const SECURITY_FILE_IOCTL = fn("security_file_ioctl");
/** What `ioctl` calls. */
export const IOCTL_CALLS: readonly FunctionRef[] = [
  SECURITY_FILE_IOCTL,
  DO_VFS_IOCTL,
  PIPE_IOCTL,
  INOTIFY_IOCTL,
  TTY_IOCTL,
  RANDOM_IOCTL,
  ...CONTROLLERS,
];

/** `ioctl`: what the command returns, or -errno. */
export function* ioctl(k: Kernel, fd: number, cmd: number, arg: Addr): Blocking<number> {
  const file = fileOf(k, fd);
  if (file === undefined || (FILE.mode.get(k, file.address) & FMODE_PATH) !== 0) return -EBADF;
  k.call(SECURITY_FILE_IOCTL, file.address, cmd, arg);
  let result = k.call(DO_VFS_IOCTL, file.address, fd, cmd, arg);
  if (result === -ENOIOCTLCMD) {
    const own = file.ops?.ioctl;
    result = own === undefined ? -ENOTTY : yield* k.calls.callBlocking(own, file.address, cmd, arg);
    if (result === -ENOIOCTLCMD) result = -ENOTTY;
  }
  // What the model's sockets and devices do not know, a recording may.
  return recorded(k)?.ret ?? (Number.isNaN(result) && file.ops === SOCKET ? -ENOTTY : result);
}
