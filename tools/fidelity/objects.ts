/**
 * Which object of the model stands for which recorded one: addresses differ from run to run, what they point to does not.
 *
 * @module
 */

/** Pairs of addresses, within one system call. */
export class Objects {
  readonly #modeled = new Map<number, number>();
  readonly #recorded = new Map<number, number>();

  /**
   * Whether two addresses can mean the same object: both were met together before, or neither was met at all. An address
   * that meets another one than before goes on with that one, as memory is given out again.
   */
  agree(recorded: number, modeled: number): boolean {
    const before = this.#modeled.get(recorded);
    const other = this.#recorded.get(modeled);
    if (before === modeled) return true;
    this.#modeled.set(recorded, modeled);
    this.#recorded.set(modeled, recorded);
    return before === undefined && other === undefined;
  }
}
