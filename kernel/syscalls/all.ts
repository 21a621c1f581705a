/**
 * Every system call that has a model: importing this registers them.
 *
 * @module
 */

import "../block/blk_core.ts";
import "../block/plug.ts";
import "../fs/ext4/super.ts";
import "../fs/llseek.ts";
import "../fs/proc/proc.ts";
import "../fs/proc/seq_file.ts";
import "../fs/streams.ts";
import "../fs/sysfs.ts";
import "./adjtime_calls.ts";
import "./attr_calls.ts";
import "./file_calls.ts";
import "./futex_calls.ts";
import "./id_calls.ts";
import "./io_calls.ts";
import "./ioprio_calls.ts";
import "./ipc_calls.ts";
import "./itimer_calls.ts";
import "./limit_calls.ts";
import "./misc_calls.ts";
import "./mlock_calls.ts";
import "./mm_calls.ts";
import "./mqueue_calls.ts";
import "./numa_calls.ts";
import "./peer_calls.ts";
import "./privileged_calls.ts";
import "./process_calls.ts";
import "./mount_api_calls.ts";
import "./mount_calls.ts";
import "./range_calls.ts";
import "./poll_calls.ts";
import "./sched_calls.ts";
import "./signal_calls.ts";
import "./splice_calls.ts";
import "./socket_calls.ts";
import "./stat_calls.ts";
import "./time_calls.ts";
import "./timer_calls.ts";
import "./tree_calls.ts";
import "./xattr_calls.ts";
