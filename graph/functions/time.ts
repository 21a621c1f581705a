/**
 * Functions on time.
 *
 * @module
 */

import { STRING } from "../types.ts";
import { type ContextFunction, near } from "./function.ts";

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/**
 * A time, in seconds since 1970 and nanoseconds, as strftime(3) writes it, in UTC; also `%f` microseconds, `%k` nanoseconds, `%l` milliseconds, as in bpftrace.
 * Conversions that it does not know stay as they are.
 *
 * ```ts
 * import { formatTime } from "./time.ts";
 * if (formatTime("%Y-%m-%d %H:%M:%S.%l", 1, 500_000_000) !== "1970-01-01 00:00:01.500") throw new Error("1.5 s");
 * ```
 */
export function formatTime(format: string, seconds: number, ns: number): string {
  const parts = civil(seconds);
  return format.replace(/%([a-zA-Z%])/g, (all, letter: string) => conversion(letter, parts, ns) ?? all);
}

interface Civil {
  readonly seconds: number;
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly weekday: number;
  readonly yearday: number;
}

/** The calendar of a number of seconds since 1970, without the host's. */
function civil(seconds: number): Civil {
  const days = Math.floor(seconds / 86_400);
  const rest = seconds - days * 86_400;
  // Counted from 0000-03-01, so that a leap day is the last of its year.
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (ofEra - Math.floor(ofEra / 1460) + Math.floor(ofEra / 36_524) - Math.floor(ofEra / 146_096)) / 365,
  );
  const ofYear = ofEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const month = march < 10 ? march + 2 : march - 10;
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  return {
    seconds,
    year,
    month,
    day: ofYear - Math.floor((153 * march + 2) / 5) + 1,
    hour: Math.floor(rest / 3600),
    minute: Math.floor(rest / 60) % 60,
    second: rest % 60,
    weekday: (((days + 4) % 7) + 7) % 7,
    yearday: month < 2 ? ofYear - 306 : ofYear + 59 + leap,
  };
}

function conversion(letter: string, at: Civil, ns: number): string | undefined {
  const two = (value: number) => String(value).padStart(2, "0");
  switch (letter) {
    case "Y":
      return String(at.year);
    case "y":
      return two(at.year % 100);
    case "m":
      return two(at.month + 1);
    case "d":
      return two(at.day);
    case "e":
      return String(at.day).padStart(2);
    case "H":
      return two(at.hour);
    case "I":
      return two((at.hour + 11) % 12 + 1);
    case "M":
      return two(at.minute);
    case "S":
      return two(at.second);
    case "p":
      return at.hour < 12 ? "AM" : "PM";
    case "j":
      return String(at.yearday + 1).padStart(3, "0");
    case "a":
      return DAYS[at.weekday]?.slice(0, 3);
    case "A":
      return DAYS[at.weekday];
    case "b":
    case "h":
      return MONTHS[at.month]?.slice(0, 3);
    case "B":
      return MONTHS[at.month];
    case "u":
      return String(at.weekday === 0 ? 7 : at.weekday);
    case "w":
      return String(at.weekday);
    case "s":
      return String(at.seconds);
    case "z":
      return "+0000";
    case "Z":
      return "UTC";
    case "n":
      return "\n";
    case "t":
      return "\t";
    case "%":
      return "%";
    case "f":
      return String(Math.floor(ns / 1000)).padStart(6, "0");
    case "k":
      return String(ns).padStart(9, "0");
    case "l":
      return String(Math.floor(ns / 1e6)).padStart(3, "0");
    case "F":
      return `${at.year}-${two(at.month + 1)}-${two(at.day)}`;
    case "T":
      return `${two(at.hour)}:${two(at.minute)}:${two(at.second)}`;
    case "R":
      return `${two(at.hour)}:${two(at.minute)}`;
    case "D":
      return `${two(at.month + 1)}/${two(at.day)}/${two(at.year % 100)}`;
    default:
      return undefined;
  }
}

const strftime: ContextFunction = {
  name: "strftime",
  summary: "a time (nanoseconds since boot) as text of the wall clock",
  parameters: [{ name: "format", kind: "string" }, { name: "nsecs", kind: "integer" }],
  result: STRING,
  run: ({ hit }, format, nsecs) => {
    const since = Math.floor(near(nsecs) / 1e9);
    return formatTime(String(format), hit.bootSeconds() + since, Math.floor(near(nsecs) - since * 1e9));
  },
};

/** Functions on time. */
export const TIME_FUNCTIONS: readonly ContextFunction[] = [strftime];
