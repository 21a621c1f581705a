/**
 * Signals by name, the same on x86_64, arm64 and i386.
 *
 * @module
 */

const NAMES = (
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU " +
  "URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
).split(" ");
const NUMBERS = new Map(NAMES.map((name, at) => [name, at + 1]));
NUMBERS.set("IOT", 6).set("POLL", 29).set("CLD", 17).set("RTMIN", 32).set("RTMAX", 64);

/** Highest signal number. */
const LAST = 64;

/** Number of a signal: `SIGCHLD`, `CHLD`, `SIGRT_1`, `RT_1`, `SIGRTMIN`; undefined when there is none of that name. */
export function signalNumber(name: string): number | undefined {
  const short = name.startsWith("SIG") ? name.slice(3) : name;
  const realTime = /^RT_([0-9]+)$/.exec(short);
  if (realTime === null) return NUMBERS.get(short);
  const number = 32 + Number(realTime[1]);
  return number <= LAST ? number : undefined;
}
