/**
 * Fields of the block layer's objects that the model reads and writes.
 *
 * @module
 */

import { field } from "../process/objects.ts";

/** `struct bio`. */
export const BIO = {
  next: field("bio", "bi_next"),
  bdev: field("bio", "bi_bdev"),
  opf: field("bio", "bi_opf"),
  flags: field("bio", "bi_flags"),
  status: field("bio", "bi_status"),
  sector: field("bio", "bi_iter.bi_sector"),
  size: field("bio", "bi_iter.bi_size"),
  idx: field("bio", "bi_iter.bi_idx"),
  endIo: field("bio", "bi_end_io"),
  private: field("bio", "bi_private"),
  vcnt: field("bio", "bi_vcnt"),
  maxVecs: field("bio", "bi_max_vecs"),
  cnt: field("bio", "__bi_cnt.counter"),
  ioVec: field("bio", "bi_io_vec"),
} as const;

/** `struct bio_vec`. */
export const BIO_VEC = {
  page: field("bio_vec", "bv_page"),
  len: field("bio_vec", "bv_len"),
  offset: field("bio_vec", "bv_offset"),
} as const;

/** `struct request`. */
export const REQUEST = {
  q: field("request", "q"),
  hctx: field("request", "mq_hctx"),
  cmdFlags: field("request", "cmd_flags"),
  rqFlags: field("request", "rq_flags"),
  tag: field("request", "tag"),
  internalTag: field("request", "internal_tag"),
  dataLen: field("request", "__data_len"),
  sector: field("request", "__sector"),
  bio: field("request", "bio"),
  biotail: field("request", "biotail"),
  part: field("request", "part"),
  startTime: field("request", "start_time_ns"),
  ioStartTime: field("request", "io_start_time_ns"),
  segments: field("request", "nr_phys_segments"),
  state: field("request", "state"),
  ref: field("request", "ref.counter"),
} as const;

/** `struct request_queue`. */
export const QUEUE = {
  disk: field("request_queue", "disk"),
  queuedata: field("request_queue", "queuedata"),
  flags: field("request_queue", "queue_flags"),
  nrHwQueues: field("request_queue", "nr_hw_queues"),
  nrRequests: field("request_queue", "nr_requests"),
  id: field("request_queue", "id"),
  blockSize: field("request_queue", "limits.logical_block_size"),
  maxSectors: field("request_queue", "limits.max_sectors"),
} as const;

/** `struct blk_mq_hw_ctx`. */
export const HCTX = {
  queue: field("blk_mq_hw_ctx", "queue"),
  queueNum: field("blk_mq_hw_ctx", "queue_num"),
} as const;

/** `struct gendisk`. */
export const GENDISK = {
  major: field("gendisk", "major"),
  firstMinor: field("gendisk", "first_minor"),
  minors: field("gendisk", "minors"),
  name: field("gendisk", "disk_name"),
  part0: field("gendisk", "part0"),
  queue: field("gendisk", "queue"),
  bdi: field("gendisk", "bdi"),
} as const;

/** `struct block_device`. */
export const BDEV = {
  startSector: field("block_device", "bd_start_sect"),
  sectors: field("block_device", "bd_nr_sectors"),
  stats: field("block_device", "bd_stats"),
  dev: field("block_device", "bd_dev"),
  inode: field("block_device", "bd_inode"),
  super: field("block_device", "bd_super"),
  disk: field("block_device", "bd_disk"),
  queue: field("block_device", "bd_queue"),
} as const;

/** `struct disk_stats`: what `iostat` reads, by kind of operation (read, write, discard, flush). */
export const DISK_STATS = {
  nsecs: field("disk_stats", "nsecs"),
  sectors: field("disk_stats", "sectors"),
  ios: field("disk_stats", "ios"),
  merges: field("disk_stats", "merges"),
  ioTicks: field("disk_stats", "io_ticks"),
} as const;

/** `struct blk_plug`. */
export const PLUG = {
  mqList: field("blk_plug", "mq_list"),
  count: field("blk_plug", "rq_count"),
} as const;
