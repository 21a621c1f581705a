/**
 * What a recording prints of a signal: `{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=131, …}`.
 *
 * @module
 */

import type { Arch } from "../../image/model.ts";
import type { Siginfo } from "../../kernel/signal/siginfo.ts";
import { signalNumber } from "./constants/signals.ts";
import { evaluate } from "./evaluate.ts";
import type { RecordedSignal } from "./record.ts";
import { structField } from "./value.ts";

/** `si_code` by name. */
const CODES: ReadonlyMap<string, number> = new Map(Object.entries<number>({
  SI_USER: 0,
  SI_KERNEL: 0x80,
  SI_QUEUE: -1,
  SI_TIMER: -2,
  SI_MESGQ: -3,
  SI_ASYNCIO: -4,
  SI_SIGIO: -5,
  SI_TKILL: -6,
  CLD_EXITED: 1,
  CLD_KILLED: 2,
  CLD_DUMPED: 3,
  CLD_TRAPPED: 4,
  CLD_STOPPED: 5,
  CLD_CONTINUED: 6,
  SEGV_MAPERR: 1,
  SEGV_ACCERR: 2,
  BUS_ADRALN: 1,
  BUS_ADRERR: 2,
  FPE_INTDIV: 1,
  ILL_ILLOPC: 1,
  ILL_ILLOPN: 2,
  TRAP_BRKPT: 1,
  SYS_SECCOMP: 1,
}));

/** The information of a delivered signal; what was not printed is left out. */
export function siginfoOf(event: RecordedSignal, signo: number, arch: Arch): Siginfo {
  const number = (name: string): number | undefined => {
    const value = structField(event.info, name);
    if (value === undefined) return undefined;
    if (value.kind === "name") {
      const known = name === "si_code" ? CODES.get(value.name) : signalNumber(value.name);
      if (known !== undefined) return known;
    }
    const result = evaluate(value, arch, () => {});
    return Number.isNaN(result) ? undefined : result;
  };
  const info: { -readonly [K in keyof Siginfo]: Siginfo[K] } = { signo, code: number("si_code") ?? 0 };
  const [pid, uid, status] = [number("si_pid"), number("si_uid"), number("si_status")];
  const [addr, value] = [number("si_addr"), number("si_int")];
  if (pid !== undefined) info.pid = pid;
  if (uid !== undefined) info.uid = uid;
  if (status !== undefined) info.status = status;
  if (addr !== undefined) info.addr = addr;
  if (value !== undefined) info.value = value;
  return info;
}
