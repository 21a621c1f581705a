/**
 * What a task has gathered in its plug.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import type { Kernel } from "../kernel.ts";
import { PLUG } from "./fields.ts";
import type { Request } from "./request.ts";

/** What a task has gathered. */
export interface Plug {
  /** `struct blk_plug`, in the task's stack. */
  readonly address: Addr;
  readonly requests: Request[];
}

/** What `struct blk_plug` shows of the requests. */
export function storePlug(k: Kernel, plug: Plug): void {
  PLUG.count.set(k, plug.address, plug.requests.length);
  PLUG.mqList.set(k, plug.address, plug.requests[0]?.address ?? 0);
}
