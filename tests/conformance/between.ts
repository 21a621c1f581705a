/**
 * What the recorded scripts did between the commands that they show: programs run, events enabled, definitions taken
 * away. Reconstructed from what the recordings show of it (hits, trace entries, counts of writes); every count in them
 * agrees with these commands.
 *
 * @module
 */

import type { Entry } from "./parse.ts";

/** What isn't shown of one command. */
export interface Unshown {
  /** Command lines before it; `reset`, `enable` and `many` are the runner's own. */
  readonly before: readonly string[];
  /** For output without a command: the command line that printed it. */
  readonly own?: string;
}

/** By recording's letter: `@ID` begins the commands before an entry, `=ID` is followed by an entry's own command. */
const SCRIPTS: Readonly<Record<string, string>> = {
  b: `
@b2:0
echo 1 > $E/myprobe/enable
echo 1 > $E/mya/enable
echo 1 > $E/myret/enable
echo 1 > $E/myret16/enable
echo 1 > $E/vfs_write_ev/enable
echo > $T/trace
cat /tmp/f1 > /tmp/f2
echo 0 > $T/tracing_on
@b2:grep
enable types
enable fetches
enable arr
enable rargs
enable defty
echo 1 > $T/tracing_on
echo > $T/trace
sysx rw
echo 0 > $T/tracing_on
@b2:list2
echo 0 > $E/myprobe/enable
echo 0 > $E/mya/enable
echo 0 > $E/myret/enable
echo 0 > $E/myret16/enable
echo 0 > $E/enable
echo 1 > $T/tracing_on
@b3:0
echo > $T/error_log
@b3:6
echo 1 > $E/myprobe/enable
echo > $T/trace
cat /tmp/f1 > /tmp/f2
echo 0 > $E/myprobe/enable
@b4:2
echo > $T/trace
echo 1 > $E/myprobe/enable
sysx rw
echo 0 > $E/myprobe/enable
`,
  d: `
@d2:0
reset
@d2:2
echo > $T/trace
echo 1 > $E/slow/enable
echo 1 > $E/entry/enable
sysx sleep 5 200000000
echo 0 > $E/enable
@d3:0
reset
@d3:1
echo 1 > $E/slow/enable
sysx sleep 1 1000000 20
@d4:0
reset
@d4:2
echo 1 > $E/outer/enable
echo 1 > $E/inner/enable
sysx open /tmp/f1 3
echo 0 > $E/enable
@d5:0
reset
@d5:3
echo 1 > $E/enable
sysx sleep 6 300000000
@d6:0
reset
@d6:1
echo 1 > $E/slow/enable
sysx sleep 3 300000000
@d6:2
echo 0 > $E/slow/enable
@d6:3
echo 1 > $E/slow/enable
@d6:4
sysx sleep 2 300000000
@d6:5
reset
@d6:6
echo 1 > $E/slow/enable
sysx& sleep 2 300000000
sleep 0.1
echo 0 > $E/slow/enable
wait
@d6:8
reset
@d6:9
echo 1 > $E/slow/enable
sysx& sleep 1 300000000
sleep 0.1
echo 0 > $E/slow/enable
@d6:10
wait
@d6:11
reset
@d6:12
sysx& sleep 1 300000000
sleep 0.1
echo 1 > $E/slow/enable
wait
@d7:0
reset
=d7:0 wr $T/kprobe_events 'p:pp_trace_event_buffer_lock_reserve trace_event_buffer_lock_reserve'
=d7:1 wr $T/kprobe_events 'p:pp_ring_buffer_lock_reserve ring_buffer_lock_reserve'
=d7:2 wr $T/kprobe_events 'p:pp_trace_event_buffer_commit trace_event_buffer_commit'
=d7:3 wr $T/kprobe_events 'p:pp_ring_buffer_unlock_commit ring_buffer_unlock_commit'
=d7:4 wr $T/kprobe_events 'p:pp_vfs_read vfs_read'
@d7:6
echo 1 > $E/enable
@d8:0
reset
=d8:1 wr $E/fl/filter 'cnt == 99999'
@d8:2
echo 1 > $E/fl/enable
@d9:0
reset
@d9:1
echo 0 > $T/tracing_on
echo 1 > $E/fl/enable
@d10:0
echo 1 > $T/tracing_on
reset
wr $T/kprobe_events 'p:fl vfs_read cnt=$arg3:u64'
echo 1 > $E/fl/enable
sysx rw
echo 0 > $E/fl/enable
@d10:1
echo 1 > $E/fl/enable
sysx rw
echo 0 > $E/fl/enable
@d11:0
reset
@d11:5
echo 1 > $E/multi/enable
echo
`,
  e: `
@e1:2
echo 1 > $E/k1/enable
@e1:5
echo 1 > $E/k2/enable
@e1:8
echo 1 > $E/r1/enable
@e1:9
echo 0 > $E/k1/enable
@e1:10
echo 0 > $E/enable
@e2:0
reset
@e2:29
echo 1 > $E/enable
sleep 1
@e2:30
sysx rw
@e2:37
sleep 1
@e2:39
echo 0 > $E/enable
@e3:0
reset
@e3:4
echo 1 > $E/k1/enable
echo 1 > $E/k2/enable
echo 1 > $E/r1/enable
sleep 1
sysx rw
@e3:9
sysx rw
@e3:14
sysx rw
@e3:18
sleep 1
@e3:19
sysx rw
@e4:7
echo 0 > $E/enable
@e5:0
reset
=e5:1 wr $E/k1/filter 'c > 0'
@e5:5
echo kprobes:k1 > $T/set_event
@e5:7
echo > $T/set_event
@e6:0
reset
@e6:5
echo 1 > $E/enable
@e6:6
echo > $T/trace
sysx open /tmp/f1
@e6:7
echo 0 > $E/enable
echo 1 > $E/b2/enable
echo 1 > $E/a3/enable
echo 1 > $E/a1/enable
echo 1 > $E/b1/enable
echo 1 > $E/a2/enable
@e6:8
echo > $T/trace
sysx open /tmp/f1
@e7:0
reset
=e7:0 wr $T/kprobe_events p:e_do_sys_openat2 do_sys_openat2
=e7:1 wr $T/kprobe_events 'r:x_do_sys_openat2 do_sys_openat2 ret=$retval'
=e7:2 wr $T/kprobe_events p:e_do_filp_open do_filp_open
=e7:3 wr $T/kprobe_events 'r:x_do_filp_open do_filp_open ret=$retval'
=e7:4 wr $T/kprobe_events p:e_path_openat path_openat
=e7:5 wr $T/kprobe_events 'r:x_path_openat path_openat ret=$retval'
=e7:6 wr $T/kprobe_events p:e_vfs_open vfs_open
=e7:7 wr $T/kprobe_events 'r:x_vfs_open vfs_open ret=$retval'
@e7:8
echo 1 > $E/enable
echo > $T/trace
sysx open /tmp/f1
=e7:8 sysx open /tmp/nosuch
@e7:9
echo 0 > $E/enable
@e8:0
reset
@e8:2
echo 1 > $E/k1/enable
@e8:3
echo vfs_read > $T/set_ftrace_filter
echo function > $T/current_tracer
@e8:4
echo > $T/trace
sysx rw
@e9:0
echo nop > $T/current_tracer
echo > $T/set_ftrace_filter
@e9:2
echo 1 > /proc/sys/kernel/ftrace_enabled
echo 0 > $E/k1/enable
@e9:7
reset
@e10:0
reset
@e10:1
mkdir $T/instances/i1
echo 1 > $T/instances/i1/events/kprobes/k1/enable
@e10:2
sysx rw
@e10:4
echo 0 > $T/instances/i1/events/kprobes/k1/enable
@e11:0
reset
rmdir $T/instances/i1
many /tmp/many
`,
  j: "",
};

/** Reads the script for the entries of a recording. `entries` tell which of several commands a name in it means. */
export function unshown(letter: string, entries: readonly Entry[]): ReadonlyMap<string, Unshown> {
  const found = new Map<string, { before: string[]; own?: string }>();
  function at(id: string): { before: string[]; own?: string } {
    let unshownOf = found.get(id);
    if (unshownOf === undefined) found.set(id, unshownOf = { before: [] });
    return unshownOf;
  }
  let current = at("");
  for (const line of (SCRIPTS[letter] ?? "").split("\n")) {
    if (line.startsWith("@")) current = at(idOf(line.slice(1), entries));
    else if (line.startsWith("=")) {
      const space = line.indexOf(" ");
      at(line.slice(1, space)).own = line.slice(space + 1);
    } else if (line !== "") current.before.push(line);
  }
  for (const entry of entries) extra(letter, entry, at(entry.id));
  return found;
}

/** Entries that don't stand at the same number in every recording have names. */
function idOf(id: string, entries: readonly Entry[]): string {
  const texts = (text: string) =>
    entries.filter((entry) => entry.form.kind === "shell" && entry.form.text.startsWith(text));
  if (id === "b2:grep") return texts("grep -E")[0]?.id ?? id;
  if (id === "b2:list2") return texts("cat /sys/kernel/debug/kprobes/list")[1]?.id ?? id;
  return id;
}

/** What follows from a command's kind and section. */
function extra(
  letter: string,
  entry: Entry,
  unshownOf: { before: string[]; own?: string },
): void {
  const section = entry.id.split(":")[0] ?? "";
  const defines = entry.form.kind === "write" && entry.form.file === "kprobe_events";
  // These sections begin each definition afresh.
  if (defines && (section === "c1" || section === "c5" || letter === "j")) unshownOf.before.unshift("reset");
  if (letter === "c" && /^c[267]:0$/.test(entry.id)) unshownOf.before.unshift("reset");
  if (entry.form.kind !== "lone") return;
  const [line = ""] = entry.expected;
  if (section === "c7") {
    const number = Number(entry.id.split(":")[1]) + 1;
    unshownOf.own = `wr $T/kprobe_events p:e${number} nosuch_${number}`;
  } else if (section === "e2") {
    const offset = /\+(\d+):/.exec(line)?.[1];
    unshownOf.own = `echo -n 'vfs_read+${offset}: '; wr $T/kprobe_events 'p:o${offset} vfs_read+${offset}'`;
  } else if (line.startsWith("/tests.sh")) {
    const name = /kprobes\/(\w+)\//.exec(line)?.[1];
    unshownOf.own = `echo 1 > $E/${name}/enable`;
  } else if (letter === "j") {
    const name = /^(\w+):/.exec(line)?.[1] ?? "";
    unshownOf.own = `reasons ${name}`;
  }
}
