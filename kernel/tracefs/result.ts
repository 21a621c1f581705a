/**
 * Results of file operations.
 *
 * @module
 */

import { errnoName } from "../errno_name.ts";
import { errnoText } from "./errno_text.ts";

/** What a file operation gives. */
export type ErrnoResult<T> =
  | { readonly ok: true; readonly value: T }
  | {
    readonly ok: false;
    /** Positive. */
    readonly errno: number;
    /** `EINVAL` */
    readonly name: string;
    /** `Invalid argument` */
    readonly message: string;
  };

/** Success. */
export function ok<T>(value: T): ErrnoResult<T> {
  return { ok: true, value };
}

/** Failure, by a positive errno. */
export function failed<T>(errno: number): ErrnoResult<T> {
  return { ok: false, errno, name: errnoName(errno), message: errnoText(errno) };
}
