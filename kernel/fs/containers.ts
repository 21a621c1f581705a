/**
 * What inodes are part of: the slab cache and the struct that a file system embeds them in.
 *
 * @module
 */

/** Which slab cache and struct an inode is part of, and where in it. */
export interface InodeContainer {
  readonly cache: string;
  readonly type: string;
  readonly member: string;
}

/** Inodes of tmpfs. */
export const SHMEM_INODE: InodeContainer = {
  cache: "shmem_inode_cache",
  type: "shmem_inode_info",
  member: "vfs_inode",
};
/** Inodes of pipes and other files without a name. */
export const PLAIN_INODE: InodeContainer = { cache: "inode_cache", type: "inode", member: "" };
/** Inodes of sockets. */
export const SOCKET_INODE: InodeContainer = {
  cache: "sock_inode_cache",
  type: "socket_alloc",
  member: "vfs_inode",
};
/** Inodes of procfs. */
export const PROC_INODE: InodeContainer = {
  cache: "proc_inode_cache",
  type: "proc_inode",
  member: "vfs_inode",
};
