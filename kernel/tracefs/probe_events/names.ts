/**
 * Names of groups, events and arguments.
 *
 * @module
 */

import type { ProbeLog } from "./probe_log.ts";

/** Room for a name, its NUL included. */
export const MAX_EVENT_NAME_LEN = 64;
/** The group of events that name none. */
export const KPROBE_EVENT_SYSTEM = "kprobes";

/** A C identifier. */
export function isGoodName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** A C identifier that may also have dashes. */
function isGoodSystemName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(name);
}

/** What an event's name says; `event` null: make one up. */
export interface EventName {
  readonly group: string;
  readonly event: string | null;
}

/** `traceprobe_parse_event_name`: `GROUP/EVENT`, `GROUP/`, `GROUP.EVENT` or `EVENT`. Null, and an entry in the log, for a bad one. */
export function parseEventName(
  text: string,
  offset: number,
  log: ProbeLog,
  defaultGroup = KPROBE_EVENT_SYSTEM,
): EventName | null {
  let group = defaultGroup;
  let event = text;
  let at = offset;
  let slash = text.indexOf("/");
  if (slash < 0) slash = text.indexOf(".");
  if (slash >= 0) {
    if (slash === 0) return refuse("NO_GROUP_NAME");
    if (slash + 1 > MAX_EVENT_NAME_LEN) return refuse("GROUP_TOO_LONG");
    group = text.slice(0, slash);
    if (!isGoodSystemName(group)) return refuse("BAD_GROUP_NAME");
    event = text.slice(slash + 1);
    at += slash + 1;
  }
  if (event.length === 0) return slash >= 0 ? { group, event: null } : refuse("NO_EVENT_NAME");
  if (event.length >= MAX_EVENT_NAME_LEN) return refuse("EVENT_TOO_LONG");
  if (!isGoodName(event)) return refuse("BAD_EVENT_NAME");
  return { group, event };

  function refuse(error: Parameters<ProbeLog["error"]>[1]): null {
    log.error(at, error);
    return null;
  }
}

/** A made-up name: what cannot stand in one becomes `_`. */
export function sanitizedEventName(name: string): string {
  return name.slice(0, MAX_EVENT_NAME_LEN - 1).replace(/(?!^)[:.]/g, "_");
}
