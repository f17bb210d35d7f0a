#pragma once
// Every setting of every engine, in one place. The rule: manifolddb runs with its defaults but for the size
// of the cache, which is the same for all; each peer with the best sensible settings for these workloads that
// it has, and what it promises stays the same for all: a durable commit has been synced when it returns,
// values are not compressed, a read sees one snapshot.

#include <cstdint>

namespace manifolddb::bench::settings {

// For all engines that have a cache of their own (LMDB uses the system's). More than the data of any
// workload, except where a workload is about too small a cache and says so, and perhaps of 30 M keys in
// `scale`: 3.2 GB of them without what an engine keeps beside. It is manifolddb's only setting; what it keeps
// in memory between checkpoints, dirty_bytes_max, follows from it (2 GiB; of the default cache 64 MiB).
inline constexpr uint64_t kCacheBytes = uint64_t{4} << 30;

namespace rocksdb {
inline constexpr uint64_t kWriteBufferBytes = uint64_t{128}
                                              << 20;  // default 64 MB; its log files are as long
inline constexpr uint64_t kWriteBufferBytesTiny = uint64_t{1} << 20;
inline constexpr int kWriteBuffers = 4;              // default 2: writers stall on flushes
inline constexpr int kBackgroundJobs = 2;            // what the default comes to
inline constexpr double kBloomBitsPerKey = 10;       // default: no filter
inline constexpr double kHashIndexUtilRatio = 0.75;  // hash index in data blocks: faster gets
// The log stage of one group overlaps the memory stage of the next: best with several writers, no loss with
// one.
inline constexpr bool kPipelinedWrite = true;
// Debian's library computes CRC32C in software, which costs about a quarter in W1; its other checksums
// concern tables, not the log.
}  // namespace rocksdb

namespace leveldb {
inline constexpr uint64_t kWriteBufferBytes = uint64_t{64} << 20;  // default 4 MB
inline constexpr int kBloomBitsPerKey = 10;                        // default: no filter
// No column families: one byte before each key says which.
}  // namespace leveldb

namespace lmdb {
inline constexpr uint64_t kMapBytes = uint64_t{16} << 30;  // address space; the file is as long as it must be
inline constexpr unsigned kReaders = 126;                  // the default
// NOTLS: read transactions are renewed instead of begun. NORDAHEAD: random reads. NOMEMINIT: pages are not
// cleared before use. Not durable means NOSYNC: faster than anything else here, but a power cut may destroy
// the file, and not only the last commits, as with the others.
}  // namespace lmdb

namespace sqlite {
// WAL and synchronous=FULL: each commit is synced. Not durable: NORMAL, synced at checkpoints only, as with
// the others. Keys are INTEGER PRIMARY KEY, its fastest; one connection and prepared statements per thread, a
// mutex around writers instead of its waiting in sleeps.
inline constexpr int kAutocheckpointPages = 4000;  // default 1000
inline constexpr int64_t kMapBytes = int64_t{16} << 30;
}  // namespace sqlite

namespace wiredtiger {
// Log preallocated in files of 128 MB; commits sync it with fsync's kin (`transaction_sync`).
inline constexpr const char* kLog = "log=(enabled=true,file_max=128MB,prealloc=true)";
inline constexpr const char* kLogTiny = "log=(enabled=true,file_max=1MB,prealloc=true)";
inline constexpr const char* kCheckpoint = "checkpoint=(wait=30,log_size=1GB)";
inline constexpr const char* kTable = "key_format=u,value_format=u,leaf_page_max=16KB";
inline constexpr int kSessions = 64;
}  // namespace wiredtiger

}  // namespace manifolddb::bench::settings
