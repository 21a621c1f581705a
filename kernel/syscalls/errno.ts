/**
 * Error numbers, as Linux's `errno.h` has them on all three architectures.
 *
 * @module
 */

/** Operation not permitted. */
export const EPERM = 1;
/** No such file or directory. */
export const ENOENT = 2;
/** No such process. */
export const ESRCH = 3;
/** Interrupted by a signal. */
export const EINTR = 4;
/** Input/output error. */
export const EIO = 5;
/** No such device or address. */
export const ENXIO = 6;
/** Argument list too long. */
export const E2BIG = 7;
/** Not a program. */
export const ENOEXEC = 8;
/** Bad descriptor. */
export const EBADF = 9;
/** No children. */
export const ECHILD = 10;
/** Try again. */
export const EAGAIN = 11;
/** Out of memory. */
export const ENOMEM = 12;
/** Permission denied. */
export const EACCES = 13;
/** Bad address. */
export const EFAULT = 14;
/** In use. */
export const EBUSY = 16;
/** Exists already. */
export const EEXIST = 17;
/** Across file systems. */
export const EXDEV = 18;
/** No such device. */
export const ENODEV = 19;
/** Not a directory. */
export const ENOTDIR = 20;
/** Is a directory. */
export const EISDIR = 21;
/** Invalid argument. */
export const EINVAL = 22;
/** Too many open files in the system. */
export const ENFILE = 23;
/** Too many open files. */
export const EMFILE = 24;
/** Not a terminal. */
export const ENOTTY = 25;
/** File too large. */
export const EFBIG = 27;
/** No space left. */
export const ENOSPC = 28;
/** Has no position. */
export const ESPIPE = 29;
/** Read-only file system. */
export const EROFS = 30;
/** Nobody reads. */
export const EPIPE = 32;
/** Result too large. */
export const ERANGE = 34;
/** No such attribute. */
export const ENODATA = 61;
/** No lock to be had. */
export const ENOLCK = 37;
/** It would end in a deadlock. */
export const EDEADLK = 35;
/** Not a block device. */
export const ENOTBLK = 15;
/** Name too long. */
export const ENAMETOOLONG = 36;
/** No such system call. */
export const ENOSYS = 38;
/** Directory not empty. */
export const ENOTEMPTY = 39;
/** Too many symbolic links. */
export const ELOOP = 40;
/** Value too large for its type. */
export const EOVERFLOW = 75;
export const EADDRNOTAVAIL = 99;
/** Kernel-internal: restart the call after a signal handler. */
export const ERESTARTSYS = 512;
/** Not supported by this kind of file. */
export const EOPNOTSUPP = 95;
/** Too many links. */
export const EMLINK = 31;
/** The handle is out of date. */
export const ESTALE = 116;
/** The quota is used up. */
export const EDQUOT = 122;
/** The time is over. */
export const ETIME = 62;
/** Kernel-internal: restart the call whatever the handler's flags. */
export const ERESTARTNOINTR = 513;
/** Kernel-internal: restart the call if no handler ran. */
export const ERESTARTNOHAND = 514;
/** Kernel-internal: restart by `restart_syscall`. */
export const ERESTART_RESTARTBLOCK = 516;
/** Not a socket. */
export const ENOTSOCK = 88;
/** No destination was given. */
export const EDESTADDRREQ = 89;
/** The message is too long. */
export const EMSGSIZE = 90;
/** Not this protocol's kind of socket. */
export const EPROTOTYPE = 91;
/** No such socket option. */
export const ENOPROTOOPT = 92;
/** No such protocol. */
export const EPROTONOSUPPORT = 93;
/** No such kind of socket. */
export const ESOCKTNOSUPPORT = 94;
/** No such address family. */
export const EAFNOSUPPORT = 97;
/** The address is in use. */
export const EADDRINUSE = 98;
/** No way there. */
export const ENETUNREACH = 101;
/** The connection was broken off. */
export const ECONNABORTED = 103;
/** The other side reset the connection. */
export const ECONNRESET = 104;
/** No room for it. */
export const ENOBUFS = 105;
/** Connected already. */
export const EISCONN = 106;
/** Not connected. */
export const ENOTCONN = 107;
/** No answer came. */
export const ETIMEDOUT = 110;
/** Nobody listens. */
export const ECONNREFUSED = 111;
/** The host cannot be reached. */
export const EHOSTUNREACH = 113;
/** Is being done already. */
export const EALREADY = 114;
/** Has begun, and will go on. */
export const EINPROGRESS = 115;
/** No message of that type. */
export const ENOMSG = 42;
/** It was removed meanwhile. */
export const EIDRM = 43;
