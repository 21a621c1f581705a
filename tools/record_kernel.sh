#!/bin/sh
# Reads off the running kernel what an image is built from, and records a command's call trees and values.
# Run as root on the machine, or in the VM, whose kernel is wanted: sh record_kernel.sh --help
set -u
LC_ALL=C
export LC_ALL
umask 022

usage() {
  cat <<'TEXT'
Usage: record_kernel.sh [OPTIONS] FOLDER [-- COMMAND [ARG...]]

Writes FOLDER/facts/ARCH: symbols, types, text, tracepoints, blacklist, system calls of the running kernel. With a
COMMAND, which runs up to three times, also FOLDER/programs/ARCH/NAME.strace.gz (its system calls; needs strace),
NAME.graph.gz (the call tree of each) and NAME.args.gz (arguments and results of every call). The command must do
the same each time: let it clean up after itself.

  --name NAME      name of the recording (default: the command's)
  --seconds N      longest time that one run may take (default 60)
  --megabytes N    trace buffer of each CPU, so the size of a recording (default 64)
  --functions N    functions whose arguments are recorded, most called first (default 2500)
  --no-text        leave out the text: instruction boundaries and call sites (needs objdump)
  --no-args        leave out the third run
  --facts-only     record no command

Tracing that is in use is left alone: the script then stops. Every tracing setting that it changes is put back when
it ends, is interrupted or killed.
TEXT
}

fail() {
  echo "record_kernel: $*" >&2
  exit 1
}

say() { echo "record_kernel: $*" >&2; }

# ---- Options ---------------------------------------------------------------------------------------------------

folder= name= seconds=60 megabytes=64 functions=2500 text=yes args=yes facts_only=no
number() { case $2 in '' | *[!0-9]* | 0*) fail "$1 takes a whole number above 0, not \"$2\"" ;; esac; }
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --name | --seconds | --megabytes | --functions)
      [ $# -ge 2 ] || fail "$1 needs a value; --help shows what there is"
      [ "$1" = --name ] || number "$1" "$2"
      eval "${1#--}=\$2"
      shift
      ;;
    --no-text) text=no ;;
    --no-args) args=no ;;
    --facts-only) facts_only=yes ;;
    --) shift; break ;;
    -*) fail "there is no option $1; --help shows what there is" ;;
    *) [ -z "$folder" ] || fail "found \"$1\" after the folder; put -- before the command"; folder=$1 ;;
  esac
  shift
done
[ -n "$folder" ] || { usage >&2; exit 2; }
[ "$(id -u)" = 0 ] || fail "must run as root: the kernel shows its addresses and its tracing to no one else"
if [ $# -gt 0 ] && [ $facts_only = no ]; then
  program=$(command -v "$1") || fail "there is no command \"$1\""
  [ -n "$name" ] || name=$(basename "$1")
  case $program in */*) ;; *) fail "\"$1\" is no program but a word of the shell: record sh -c '$1 ...'" ;; esac
  # By its path: a shell that looks for it first would be in the recordings.
  shift
  set -- "$program" "$@"
  case $name in *[!A-Za-z0-9_.-]*) fail "a recording's name has letters, digits, and - _ . only, not \"$name\"" ;; esac
  record=yes
else
  record=no
fi

case $(uname -m) in
  x86_64) arch=x86_64 entry='__x64_sys_*' machine=i386:x86-64 word=x64 ;;
  aarch64) arch=arm64 entry='__arm64_sys_*' machine=aarch64 word=x64 ;;
  i?86) arch=i386 entry='__ia32_sys_*' machine=i386 word=x32 ;;
  *) fail "knows x86_64, arm64 and i386, not $(uname -m)" ;;
esac

tracing=/sys/kernel/tracing
[ -e $tracing/trace ] || mount -t tracefs nodev $tracing 2> /dev/null
[ -e $tracing/trace ] || tracing=/sys/kernel/debug/tracing
[ -e $tracing/trace ] || fail "finds no tracefs: mount -t tracefs nodev /sys/kernel/tracing"
# The lists of probes are in debugfs.
[ -e /sys/kernel/debug/kprobes ] || mount -t debugfs nodev /sys/kernel/debug 2> /dev/null

facts=$folder/facts/$arch
programs=$folder/programs/$arch
work=$(mktemp -d) || fail "cannot make a temporary folder"

# ---- Put back what was changed, whatever happens -----------------------------------------------------------------

restore=$work/restore.sh
saved_options='function-fork event-fork funcgraph-proc funcgraph-irqs funcgraph-duration funcgraph-overhead
funcgraph-cpu funcgraph-abstime funcgraph-tail overwrite'
changed=no

put_back() { (cd $tracing && work=$work sh "$restore" 2> /dev/null); }

# Writes a script that puts every setting back, and lets a process of its own run it should this one be killed.
save_settings() {
  {
    cat <<'SCRIPT'
echo 0 > tracing_on
[ ! -d events/kscope_record ] || echo 0 > events/kscope_record/enable
echo nop > current_tracer
sed -n 's,^[pr][0-9]*:\(kscope_record/[^ ]*\) .*,-:\1,p' kprobe_events > "$work/probes"
while read -r line; do echo "$line" >> kprobe_events; done < "$work/probes"
echo > set_ftrace_filter
echo > set_graph_function
echo > set_ftrace_pid
echo > set_event_pid
echo > trace
SCRIPT
    for option in $saved_options; do
      [ ! -e $tracing/options/$option ] || echo "echo $(cat $tracing/options/$option) > options/$option"
    done
    echo "echo $(cat $tracing/max_graph_depth) > max_graph_depth"
    # "7 (expanded: 1408)": not used yet, and as large as that once it is.
    echo "echo $(sed -E 's/.*expanded: ([0-9]+).*/\1/; s/[^0-9].*//' $tracing/buffer_size_kb) > buffer_size_kb"
    echo "echo $(cat $tracing/tracing_on) > tracing_on"
  } > "$restore"
  changed=yes
  # A kill -9 leaves no time for a trap.
  watched=$$
  (
    trap '' INT TERM HUP
    while kill -0 $watched 2> /dev/null && [ -e "$work/busy" ]; do sleep 1; done
    [ ! -e "$work/busy" ] || { put_back; rm -rf "$work"; }
  ) > /dev/null 2>&1 &
}

finish() {
  code=$?
  trap - EXIT
  trap '' INT TERM HUP
  [ -z "${child:-}" ] || kill "$child" 2> /dev/null
  [ $changed = no ] || put_back
  rm -f "$work/busy"
  rm -rf "$work"
  exit $code
}
: > "$work/busy"
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Refuses to disturb someone else's tracing.
check_unused() {
  [ "$(cat $tracing/current_tracer)" = nop ] ||
    fail "the tracer $(cat $tracing/current_tracer) is in use: echo nop > $tracing/current_tracer first"
  [ "$(cat $tracing/events/enable)" = 0 ] ||
    fail "events are being traced: echo 0 > $tracing/events/enable first"
  for file in set_ftrace_filter set_ftrace_notrace set_graph_function set_graph_notrace set_ftrace_pid set_event_pid; do
    [ ! -e $tracing/$file ] || ! grep -qv -e '^#' -e '^no pid$' -e '^$' $tracing/$file ||
      fail "$tracing/$file is set: empty it first"
  done
  [ ! -d $tracing/events/kscope_record ] || fail "another recording is running, or was cut off: remove its kprobe_events"
}

# ---- Facts -------------------------------------------------------------------------------------------------------

pack() { gzip -n -9 > "$1.part" && mv "$1.part" "$1"; }

record_facts() {
  mkdir -p "$facts" || fail "cannot write to $facts"
  grep -q '^0*[1-9a-f][0-9a-f]* [tT] ' /proc/kallsyms ||
    fail "the kernel hides its addresses even from root: echo 1 > /proc/sys/kernel/kptr_restrict, or end lockdown"
  [ -r /sys/kernel/btf/vmlinux ] ||
    fail "the kernel has no /sys/kernel/btf/vmlinux: it was built without CONFIG_DEBUG_INFO_BTF"
  say "facts of $(uname -r) into $facts"
  uname -r > "$facts/release"
  # Functions of BPF programs come and go.
  grep -v '\[bpf\]$' /proc/kallsyms | pack "$facts/kallsyms.gz"
  pack "$facts/btf.gz" < /sys/kernel/btf/vmlinux
  for file in available_events available_filter_functions; do cat $tracing/$file | pack "$facts/$file.gz"; done
  (
    cd $tracing/events && for format in ./*/*/format; do
      case $format in ./kprobes/* | ./uprobes/* | ./synthetic/*) continue ;; esac
      echo "# $format"
      cat "$format"
    done
  ) | pack "$facts/tracepoint_formats.gz"
  if [ -r /sys/kernel/debug/kprobes/blacklist ]; then
    cat /sys/kernel/debug/kprobes/blacklist | pack "$facts/kprobes_blacklist.gz"
  else say "no debugfs: no function will count as blacklisted"; fi
  record_syscalls
  if [ $text = no ]; then :
  elif ! command -v objdump > /dev/null; then say "no objdump (package binutils): the text stays unknown"
  elif ! [ -r /proc/kcore ]; then say "no /proc/kcore: the text stays unknown"
  else record_text; fi
}

# Numbers and names from the C headers where there are any; else strace knows the table.
record_syscalls() {
  for header in /usr/include/*-linux-gnu*/asm/unistd_64.h /usr/include/asm/unistd_64.h \
    /usr/include/*-linux-gnu*/asm/unistd_32.h /usr/include/asm/unistd_32.h /usr/include/asm-generic/unistd.h; do
    [ -r "$header" ] || continue
    case $arch:$header in
      x86_64:*unistd_64.h | i386:*unistd_32.h | arm64:*asm-generic*)
        sed -nE 's/^#define __NR(3264)?_([a-z0-9_]+)[ \t]+([0-9]+).*/\3\t\2/p' "$header" | sort -n -u > "$facts/syscalls.tsv"
        return
        ;;
    esac
  done
  # The names that the kernel has entries for, if not their numbers, are in its symbols: without a table no program
  # can make a call. syscalls.tsv of the same architecture from another kernel serves: numbers never change.
  say "no C headers with system call numbers (package linux-libc-dev): copy a syscalls.tsv of $arch into $facts"
}

# Copies the kernel's text out of memory: /proc/kcore is an ELF file with a segment for each range of addresses.
copy_text() {
  # Numbers of 4 KiB pages, as addresses are too large for the shell's arithmetic, offsets for awk's.
  set -- $(readelf -lW /proc/kcore | awk -v start="$1" '
    $1 == "LOAD" {
      address = substr("0000000000000000" substr($3, 3), length($3) - 1)
      address = substr(address, 17 - length(start))
      if (address <= start && address > best) { best = address; offset = $2 }
    }
    END { print best, offset }') "$1" "$2"
  [ $# = 4 ] || return 1
  base=${1%???} offset=${2%???} first=${3%???} last=${4%???}
  dd if=/proc/kcore of="$work/text.bin" bs=4096 skip=$((offset + 0x$first - 0x$base)) \
    count=$((0x$last - 0x$first + 1)) 2> "$work/dd.log"
}

# Instruction lengths and call sites of every function that ftrace can trace, from the text in memory.
record_text() {
  start=$(awk '$3 == "_stext" { print $1; exit }' /proc/kallsyms)
  end=$(awk '$3 == "_etext" { print $1; exit }' /proc/kallsyms)
  say "disassembling the text (a minute or two)"
  copy_text "$start" "$end" || { say "cannot read /proc/kcore: the text stays unknown"; return; }
  awk '$4 == "" && $2 ~ /^[tTwW]$/ { print $1, $3 }' /proc/kallsyms | sort > "$work/symbols"
  sed 's/[ \t].*//' $tracing/available_filter_functions | sort -u > "$work/traceable"
  objdump -D -b binary -m "$machine" -w --adjust-vma="0x${start%???}000" "$work/text.bin" |
    awk -v arch=$arch -v symbols="$work/symbols" -v traceable="$work/traceable" '
      function hex(text,    i, n) {
        n = 0
        for (i = 1; i <= length(text); i++) n = n * 16 + index("123456789abcdef", substr(text, i, 1))
        return n
      }
      # What is far from the start of a function is none of it; 7 digits are exact.
      function tail(address) { return hex(substr(address, length(address) - 6)) }
      function flush() {
        if (name != "" && at == size && !(name in done)) {
          done[name] = 1
          printf "%s\t%s\t%d\t%s\t%s\n", name, from, size, arch == "arm64" ? "" : lengths, calls
        }
        name = ""
      }
      function call(kind, target) {
        calls = calls (calls == "" ? "" : ",") sprintf("%x:%s:%s", at, kind, target)
      }
      BEGIN {
        while ((getline line < traceable) > 0) wanted[line] = 1
        while ((getline line < symbols) > 0) {
          split(line, part, " ")
          if (part[1] != before) { starts[++count] = part[1]; before = part[1] }
          # Of several names of one address the traceable one counts.
          if (!(part[1] in named) || !wanted[named[part[1]]] && wanted[part[2]]) named[part[1]] = part[2]
        }
        next_start = 1
      }
      /^ *[0-9a-f]+:\t/ {
        address = $1
        sub(/:$/, "", address)
        while (next_start <= count && starts[next_start] < address) next_start++
        if (starts[next_start] == address) {
          flush()
          name = named[address]
          from = address
          to = starts[next_start + 1]
          size = tail(to) - tail(address)
          # No function is as large as what lies between the last one and the next section.
          if (!wanted[name] || size > 262144) name = ""
          lengths = calls = ""
          at = 0
        }
        if (name == "" || at >= size) next
        split($0, column, "\t")
        bytes = column[2]
        if (arch == "arm64") width = 4
        else { gsub(/ /, "", bytes); width = length(bytes) / 2 }
        text = arch == "arm64" ? column[3] " " column[4] : column[3]
        sub(/ *(#|\/\/|<).*/, "", text)
        words = split(text, word, / +/)
        # Prefixes that change nothing of where control goes.
        first = 1
        while (word[first] ~ /^(notrack|bnd|ds|cs|data16|repz|lock)$/) first++
        op = word[first]
        target = word[first + 1]
        if (at == 0 && arch != "arm64" && bytes == "0f1f440000") call("c", "__fentry__")
        else if (op ~ /^(callq?|bl|jmpq?|j[a-z]+|b|b\.[a-z]+)$/ && target ~ /^0x[0-9a-f]+$/) {
          target = substr(target, 3)
          inside = target >= from && target < to
          if (op ~ /^(callq?|bl)$/) call("c", target in named ? named[target] : "0x" target)
          else if (!inside && op ~ /^(jmpq?|b)$/) call("j", target in named ? named[target] : "0x" target)
        } else if (op ~ /^(callq?|blr)$/) call("i", target)
        lengths = lengths sprintf("%x", width)
        at += width
      }
      END { flush() }
    ' | pack "$facts/text.tsv.gz"
}

# ---- A command ---------------------------------------------------------------------------------------------------

# Runs the command under a time limit. Its own output is kept apart: it may be part of what is recorded.
limited() {
  timeout -k 5 "$seconds" "$@" > "$work/out" 2> "$work/err" < /dev/null
  status=$?
  [ $status -ne 124 ] || fail "the command did not end within $seconds seconds: give --seconds"
  [ $status -lt 125 ] || fail "the command could not be run: $(head -n 1 "$work/err")"
}

# Runs the command in a shell that is traced from its start, with its children, and no one else.
traced() {
  echo 1 > $tracing/options/function-fork
  echo 1 > $tracing/options/event-fork
  timeout -k 5 "$seconds" sh -c '
    echo $$ > "$0/$1" || exit 126
    shift
    echo 1 > "$0/tracing_on"
    exec "$@"' $tracing "$@" > "$work/out" 2> "$work/err" < /dev/null &
  child=$!
  wait $child
  status=$?
  child=
  echo 0 > $tracing/tracing_on
  [ $status -ne 124 ] || fail "the traced command did not end within $seconds seconds: give --seconds"
}

lost() { cat $tracing/per_cpu/cpu*/stats | awk '$1 == "overrun:" || $1 == "dropped" { sum += $NF } END { print sum + 0 }'; }

warn_if_lost() {
  missing=$(lost)
  [ "$missing" = 0 ] || say "$1 lost $missing events: give --megabytes"
}

record_strace() {
  command -v strace > /dev/null || { say "no strace: no replay of this recording"; return; }
  say "run 1: system calls"
  limited strace -f -ttt -T -o "$work/strace" "$@"
  pack "$programs/$name.strace.gz" < "$work/strace"
}

record_graph() {
  say "run 2: call trees"
  echo 0 > $tracing/tracing_on
  # What overflows is the end, so that what is kept is whole.
  echo 0 > $tracing/options/overwrite
  echo $((megabytes * 1024)) > $tracing/buffer_size_kb || fail "not enough memory for $megabytes MB a CPU: give --megabytes"
  echo "$entry" > $tracing/set_graph_function || fail "cannot trace $entry"
  [ $arch != x86_64 ] || echo '__ia32_compat_sys_*' >> $tracing/set_graph_function 2> /dev/null
  echo 24 > $tracing/max_graph_depth
  for option in funcgraph-proc funcgraph-irqs funcgraph-duration funcgraph-cpu; do echo 1 > $tracing/options/$option; done
  for option in funcgraph-abstime funcgraph-overhead funcgraph-tail; do echo 0 > $tracing/options/$option; done
  echo function_graph > $tracing/current_tracer
  traced set_ftrace_pid "$@"
  warn_if_lost "the second run"
  # cat, as gzip wonders at files without a size.
  cat $tracing/trace | pack "$programs/$name.graph.gz"
  echo nop > $tracing/current_tracer
  echo > $tracing/trace
}

# Locks, RCU, timekeeping and tracing itself: too many, and what runs for the probes.
unprobed='^(_raw_|raw_spin|queued_spin|mutex_|__mutex|down_|up_|rcu_|__rcu|srcu|ktime_|timekeeping|sched_clock|local_clock'
unprobed="$unprobed|native_sched|trace|__trace|ftrace|function_|prepare_ftrace|ring_buffer|rb_|kprobe|__kprobe|rethook"
unprobed="$unprobed|arch_rethook|irq_enter|irq_exit|preempt_|perf_|read_tsc|kvm_clock|lock_|unlock_|refcount_)"

record_args() {
  say "run 3: arguments and results"
  gzip -dc "$programs/$name.graph.gz" | sed -nE 's/.*\| +([A-Za-z_][A-Za-z0-9_.]*)\(\)(;| \{)$/\1/p' |
    grep -vE "$unprobed" | sort | uniq -c | sort -rn | head -n "$functions" | sed 's/^ *[0-9]* //' > "$work/functions"
  # A name that several functions have can't be probed by name.
  awk '$2 ~ /^[tTwW]$/ { print $3 }' /proc/kallsyms | sort | uniq -d > "$work/twice"
  echo 0 > $tracing/tracing_on
  echo > $tracing/trace
  refused=0
  while read -r fn; do
    ! grep -qxF "$fn" "$work/twice" || continue
    event=$(printf %s "$fn" | tr . _)
    values=
    for i in 1 2 3 4 5 6; do values="$values a$i=\$arg$i:$word"; done
    echo "p:kscope_record/$event $fn$values" >> $tracing/kprobe_events 2> /dev/null || refused=$((refused + 1))
    echo "r256:kscope_record/${event}__return $fn v=\$retval:$word" >> $tracing/kprobe_events 2> /dev/null ||
      refused=$((refused + 1))
  done < "$work/functions"
  [ $refused = 0 ] || say "$refused probes were refused by the kernel"
  say "arming probes on $(wc -l < "$work/functions") functions"
  echo 1 > $tracing/events/kscope_record/enable || fail "cannot arm the probes"
  traced set_event_pid "$@"
  warn_if_lost "the third run"
  # The event's name is the function's.
  sed 's/: \([^ ]*\)__return: (/: \1: (/' $tracing/trace | pack "$programs/$name.args.gz"
}

# ---- What happens ------------------------------------------------------------------------------------------------

base=$(awk '$3 == "_stext" { print $1; exit }' /proc/kallsyms)
known=$(gzip -dc "$facts/kallsyms.gz" 2> /dev/null | awk '$3 == "_stext" { print $1; exit }')
# Where the kernel lies changes with each boot: facts and recordings of one folder must be of one boot.
if [ -z "$known" ]; then record_facts
elif [ "$known" != "$base" ] || [ "$(cat "$facts/release" 2> /dev/null)" != "$(uname -r)" ]; then
  fail "$facts is of another kernel or of another boot of it: give another folder, or boot with nokaslr"
elif [ $record = no ]; then say "$facts is there already: remove it to have it made again"
fi
[ $record = yes ] || exit 0

mkdir -p "$programs" || fail "cannot write to $programs"
check_unused
save_settings
record_strace "$@"
record_graph "$@"
[ $args = no ] || record_args "$@"
say "$name is in $programs"
