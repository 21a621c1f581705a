/**
 * What a tick calls on its way: time keeping, accounting of CPU time, RCU. Recordings of system calls leave interrupts
 * out; these are as the source and the functions' call instructions have them.
 *
 * @module
 */

import { behaviour, fn, type FunctionRef } from "../calls/function.ts";
import { SPIN_LOCK_IRQSAVE, SPIN_UNLOCK_IRQRESTORE } from "../calls/locks.ts";
import { RAISE_SOFTIRQ } from "../irq/softirq.ts";
import { SOFTIRQ } from "../irq/vectors.ts";
import { NS_PER_JIFFY } from "./timer.ts";

/** Reads the counter: arm64. */
const ARCH_COUNTER_READ = fn("arch_counter_read");
const NTP_TICK_LENGTH = fn("ntp_tick_length");
const TIMEKEEPING_UPDATE = fn("timekeeping_update");
const CPUACCT_FIELD = fn("cpuacct_account_field");
const ACCT_CPUTIME = fn("acct_account_cputime");
const RRUPT_FROM_IDLE = fn("rcu_is_cpu_rrupt_from_idle");
/** One hardware interrupt deep. */
const HARDIRQ_OFFSET = 0x10000;
const CPUTIME_USER = 0;
const CPUTIME_SYSTEM = 2;
const TK_CLOCK_WAS_SET = 2;

const TIMEKEEPING_ADVANCE: FunctionRef = behaviour(
  "timekeeping_advance",
  [SPIN_LOCK_IRQSAVE, ARCH_COUNTER_READ, NTP_TICK_LENGTH, TIMEKEEPING_UPDATE, SPIN_UNLOCK_IRQRESTORE],
  (k) => {
    k.call(SPIN_LOCK_IRQSAVE);
    k.call(ARCH_COUNTER_READ);
    k.call(NTP_TICK_LENGTH);
    k.call(NTP_TICK_LENGTH);
    k.call(TIMEKEEPING_UPDATE, Number.NaN, TK_CLOCK_WAS_SET);
    k.call(SPIN_UNLOCK_IRQRESTORE);
    return 0;
  },
);

/** Brings the wall clock up to now. */
export const UPDATE_WALL_TIME: FunctionRef = behaviour("update_wall_time", [TIMEKEEPING_ADVANCE], (k) => {
  k.call(TIMEKEEPING_ADVANCE, 0);
  return Number.NaN;
});

const ACCOUNT_SYSTEM_INDEX_TIME: FunctionRef = behaviour(
  "account_system_index_time",
  [CPUACCT_FIELD, ACCT_CPUTIME],
  (k, task = 0, time = 0, index = 0) => {
    k.call(CPUACCT_FIELD, task, index, time);
    k.call(ACCT_CPUTIME, task);
    return Number.NaN;
  },
);

const ACCOUNT_SYSTEM_TIME: FunctionRef = behaviour(
  "account_system_time",
  [ACCOUNT_SYSTEM_INDEX_TIME],
  (k, task = 0, _offset, time = 0) => {
    k.call(ACCOUNT_SYSTEM_INDEX_TIME, task, time, CPUTIME_SYSTEM);
    return Number.NaN;
  },
);

const ACCOUNT_USER_TIME: FunctionRef = behaviour(
  "account_user_time",
  [CPUACCT_FIELD, ACCT_CPUTIME],
  (k, task = 0, time = 0) => {
    k.call(CPUACCT_FIELD, task, CPUTIME_USER, time);
    k.call(ACCT_CPUTIME, task);
    return Number.NaN;
  },
);

const ACCOUNT_IDLE_TIME = fn("account_idle_time");

/** Counts a tick for who ran when it came: the program, the kernel for it, or nobody. */
export const ACCOUNT_PROCESS_TICK: FunctionRef = behaviour(
  "account_process_tick",
  [ACCOUNT_USER_TIME, ACCOUNT_SYSTEM_TIME, ACCOUNT_IDLE_TIME],
  (k, task = 0, user = 0) => {
    if (user !== 0) k.call(ACCOUNT_USER_TIME, task, NS_PER_JIFFY);
    else if (task === k.scheduler.rq(k.cpu).idle.address) k.call(ACCOUNT_IDLE_TIME, NS_PER_JIFFY);
    else k.call(ACCOUNT_SYSTEM_TIME, task, HARDIRQ_OFFSET, NS_PER_JIFFY);
    return Number.NaN;
  },
);

const INVOKE_RCU_CORE: FunctionRef = behaviour("invoke_rcu_core", [RAISE_SOFTIRQ], (k) => {
  k.call(RAISE_SOFTIRQ, SOFTIRQ.RCU);
  return Number.NaN;
});

/** Tells RCU of a tick. A CPU that is busy has callbacks that wait for it. */
export const RCU_SCHED_CLOCK_IRQ: FunctionRef = behaviour(
  "rcu_sched_clock_irq",
  [RRUPT_FROM_IDLE, INVOKE_RCU_CORE],
  (k, user = 0) => {
    // Inlined but on arm64, and asked only where the tick did not come from user space.
    for (let i = 0; i < 2 && user === 0; i++) k.call(RRUPT_FROM_IDLE);
    if (k.current !== k.scheduler.rq(k.cpu).idle) k.call(INVOKE_RCU_CORE);
    if (user === 0) k.call(RRUPT_FROM_IDLE);
    return Number.NaN;
  },
);
