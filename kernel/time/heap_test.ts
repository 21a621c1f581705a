import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type HeapEntry, TimeHeap } from "./heap.ts";

Deno.test("a heap gives its entries by time and sequence, whatever was taken out of its middle", () => {
  const commands = fc.array(fc.oneof(
    fc.record({ add: fc.nat({ max: 20 }) }),
    fc.record({ remove: fc.nat({ max: 30 }) }),
    fc.constant({ take: true as const }),
  ));
  fc.assert(fc.property(commands, (steps) => {
    const heap = new TimeHeap<HeapEntry>();
    const model: HeapEntry[] = [];
    let sequence = 0;
    const take = (entry: HeapEntry) => {
      model.splice(model.indexOf(entry), 1);
      assertEquals([heap.remove(entry), entry.position, heap.remove(entry)], [true, -1, false]);
    };
    for (const step of steps) {
      if ("add" in step) {
        const entry = { time: step.add, sequence: sequence++, position: -1 };
        model.push(entry);
        model.sort((a, b) => a.time - b.time || a.sequence - b.sequence);
        heap.add(entry);
      } else if ("remove" in step) {
        const entry = model[step.remove];
        if (entry !== undefined) take(entry);
      } else if (heap.first !== undefined) take(heap.first);
      assertEquals([heap.size, heap.first], [model.length, model[0]]);
    }
  }));
});
