/**
 * `adjtimex` and `clock_adjtime`: a clock that nobody disciplines.
 *
 * @module
 */

import type { Addr } from "../../image/model.ts";
import { recordedOr } from "../fs/recorded.ts";
import type { Kernel } from "../kernel.ts";
import { nsCapable } from "../process/capability.ts";
import { loadUser } from "../process/user_load.ts";
import { storeUser } from "../process/user_store.ts";
import { wallTime } from "../time/wall_clock.ts";
import { syscall } from "./define.ts";
import { EFAULT, EINVAL, EPERM } from "./errno.ts";

const CAP_SYS_TIME = 25;
const CLOCK_REALTIME = 0;
/** The clock is not synchronized: what every machine without a time daemon says. */
const STA_UNSYNC = 0x40;
const TIME_ERROR = 5;
/** Reading only, whatever the other bits say. */
const ADJ_OFFSET_SS_READ = 0xa001;
/** Microseconds of error that a clock without discipline may have. */
const MAX_ERROR = 16_000_000;
const TOLERANCE = 32_768_000;
const USEC_PER_TICK = 10_000;

function adjust(k: Kernel, at: Addr, narrow: boolean): number {
  const modes = loadUser(k, at, 4, false);
  if (Number.isNaN(modes)) return -EFAULT;
  if (modes !== 0 && modes !== ADJ_OFFSET_SS_READ && !nsCapable(k, CAP_SYS_TIME)) return -EPERM;
  const { sec, nsec } = wallTime(k);
  const word = narrow ? 4 : 8;
  // offset, freq, maxerror, esterror, status, constant, precision, tolerance, time, tick
  const values = [
    0,
    0,
    MAX_ERROR,
    MAX_ERROR,
    STA_UNSYNC,
    2,
    1,
    TOLERANCE,
    sec,
    Math.floor(nsec / 1000),
    USEC_PER_TICK,
  ];
  const stored = values.every((value, i) => storeUser(k, at + (i + 1) * word, i === 4 ? 4 : word, value));
  return stored ? TIME_ERROR : -EFAULT;
}

for (const narrow of [false, true]) {
  syscall(
    `adjtimex${narrow ? "_time32" : ""}`,
    ["ulong"],
    [],
    (k, at = 0) => recordedOr(k, adjust(k, at, narrow)),
  );
  syscall(`clock_adjtime${narrow ? "32" : ""}`, ["int", "ulong"], [], (k, clock = 0, at = 0) => {
    return recordedOr(k, clock === CLOCK_REALTIME ? adjust(k, at, narrow) : -EINVAL);
  });
}
