/**
 * The actions of `hist` triggers, `HANDLER(...).ACTION(...)`: none is taken, and what is wrong with one is told as the kernel
 * tells it.
 *
 * @module
 */

/** The events that a handler can name. */
export interface HistEvents {
  /** Whether there is one of these names. */
  hasEvent(system: string, name: string): boolean;
}

/** `parse_action`, `onmatch_parse` and `action_parse`: the word and the message; null for what is no action, which nobody logs. */
export function histActionError(
  text: string,
  events: HistEvents,
): readonly [word: string, message: string] | null {
  const handler = /^(onmatch|onmax|onchange)\(/.exec(text);
  if (handler === null) return null;
  const inside = text.slice(handler[0].length);
  const close = inside.indexOf(")");
  if (close < 0) return [inside, "No closing paren found"];
  const subject = inside.slice(0, close);
  if (handler[1] === "onmatch") {
    const dot = subject.indexOf(".");
    if (dot < 0) return [subject, "Missing subsystem"];
    const name = subject.slice(dot + 1);
    if (!events.hasEvent(subject.slice(0, dot), name)) return [name, "Invalid subsystem or event name"];
  } else if (!subject.startsWith("$")) return [subject, "For onmax(x) or onchange(x), x must be a variable"];
  const action = /^[^.]*\.([^(]*)\((.*)$/s.exec(inside.slice(close + 1));
  if (action === null) return ["", "No action found"];
  const [, name = "", parameters = ""] = action;
  if (!parameters.includes(")")) return [parameters, "No closing paren found"];
  return [name, "Invalid action param"];
}
