/**
 * What the recorded scripts did between the commands that they show: programs run, events enabled, definitions taken
 * away. Reconstructed from what the recordings show of it: hits, trace entries, counts of writes. Every count in them
 * agrees with these commands.
 *
 * @module
 */

/** By recording's letter: `@ID` begins the commands before an entry, `=ID` is followed by an entry's own command. */
export const SCRIPTS: Readonly<Record<string, string>> = {
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
@b4:1
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
sysx& sleep 1 300000000
cat /tmp/f1 > /tmp/f2
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
@e2:30
sysx rw
@e2:39
sleep 1
echo 0 > $E/enable
@e3:0
reset
@e3:4
echo 1 > $E/k1/enable
echo 1 > $E/k2/enable
echo 1 > $E/r1/enable
sysx rw
@e3:9
sysx rw
@e3:14
sysx rw
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
@e9:1
sysx rw
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
