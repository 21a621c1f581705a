# Which files does cat open, and what do the opens return? As on a machine: kscope tracefs examples/tracefs_opens.sh
echo 'p:opening do_sys_openat2 file=+0($arg2):ustring' > kprobe_events
echo 'r:opened do_sys_openat2 fd=$retval:s32' >> kprobe_events
echo 1 > events/kprobes/enable
run cat
cat trace
cat kprobe_profile
echo 0 > events/kprobes/enable
echo > kprobe_events
