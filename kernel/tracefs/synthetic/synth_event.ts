/**
 * One synthetic event: fields under a name, of which `hist` triggers could make records.
 *
 * @module
 */

import type { TracepointField } from "../../../image/model.ts";
import type { EventCall } from "../events/call.ts";
import type { EventFile } from "../events/event_file.ts";
import type { DynEvent, DynEventKind } from "../probe_events/dyn_events.ts";
import { COMMON_FIELDS } from "../probe_events/print.ts";
import { roomOf, type SynthField } from "./synth_field.ts";

/** The group of all of them. */
export const SYNTH_SYSTEM = "synthetic";
const COMMON_SIZE = 8;

/** Who keeps the events of a kernel. */
export interface SynthOwner extends DynEventKind {
  release(event: SynthEvent): number;
}

/** One event. */
export class SynthEvent implements EventCall, DynEvent {
  readonly system = SYNTH_SYSTEM;
  readonly name: string;
  readonly owner: SynthOwner;
  readonly common: readonly TracepointField[] = COMMON_FIELDS;
  readonly fields: readonly TracepointField[];
  readonly printFmt: string;
  id = 0;
  readonly #fields: readonly SynthField[];
  readonly #files = new Set<EventFile>();

  constructor(name: string, fields: readonly SynthField[], owner: SynthOwner) {
    this.name = name;
    this.owner = owner;
    this.#fields = fields;
    let offset = COMMON_SIZE;
    this.fields = fields.map((field) => {
      const { name, size, signed, isDynamic } = field;
      // The length of an array is not told of these.
      const bare = field.type.replace(/\[\d+\]$/, "[]");
      const type = isDynamic ? `__data_loc ${bare}` : bare;
      const one = { name, type, offset, size, signed };
      offset += roomOf(field);
      return one;
    });
    const formats = fields.map(({ name, format }) => `${name}=${format}`).join(", ");
    const values = fields.map(({ name, isDynamic }) => isDynamic ? `, __get_str(${name})` : `, REC->${name}`);
    this.printFmt = `"${formats}"${values.join("")}`;
  }

  /** `NAME`, a tab and the fields: its line in `synthetic_events`, without newline. */
  get definition(): string {
    return `${this.name}\t${this.#fields.map(({ type, name }) => `${type} ${name}`).join("; ")}`;
  }

  get text(): string {
    return `s:${SYNTH_SYSTEM}/${this.definition}`;
  }

  get isBusy(): boolean {
    return this.#files.size > 0;
  }

  /** `synth_event_match`: by its whole name only. */
  matches(group: string | null, event: string): boolean {
    return event === this.name && (group === null || group === SYNTH_SYSTEM);
  }

  release(): number {
    return this.owner.release(this);
  }

  enable(file: EventFile): number {
    this.#files.add(file);
    return 0;
  }

  disable(file: EventFile): void {
    this.#files.delete(file);
  }
}
