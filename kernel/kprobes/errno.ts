/**
 * The error numbers that probe registration returns (negated).
 *
 * @module
 */

export { E2BIG, EINVAL, ENOENT } from "../syscalls/errno.ts";

/** Not on an instruction boundary. */
export const EILSEQ = 84;
