/**
 * The error numbers that probe registration returns (negated).
 *
 * @module
 */

export { E2BIG, EEXIST, EINVAL, ENOENT, ENOMEM, EOPNOTSUPP } from "../syscalls/errno.ts";

/** Not on an instruction boundary. */
export const EILSEQ = 84;
