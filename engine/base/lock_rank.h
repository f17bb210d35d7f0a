#pragma once
// The lock hierarchy: a thread takes locks in increasing rank only. Checked at run time in every preset but
// release. Nobody does I/O while holding any of them: the long-running roles (family writer, log leader,
// checkpointer) are tokens handed over under these locks, not locks held.

#include <cstdint>

namespace manifolddb::base {

enum class LockRank : uint8_t {
  kLifecycle = 10,       // db: open, closing, closed
  kOptions = 12,         // db: who changes options
  kParallelScan = 15,    // txn: pieces of a scan that are taken, and running
  kCheckpointRole = 20,  // checkpoint: who runs one, who waits for one
  kCommitQueue = 30,     // txn: order, the waiting committers, the leader
  kFamilies = 40,        // txn: the set of families, who writes which
  kLogSpace = 50,        // wal: reserved and used bytes of the ring
  kReclaimRole = 55,     // page: who looks for pages to free on a full device
  kVersions = 60,        // mvcc: publication order, snapshots
  kReclaim = 70,         // mvcc: pages that wait for a version to go
  kAllocator = 80,       // page: free pages
  kPageCache = 90,       // page: frames, page table growth, eviction
  kStorage = 100,        // storage: file tables
  kWriteBack = 102,      // storage: write-backs on their way
  kMemory = 105,         // txn: buffers that wait to be used again
  kExecutor = 110,       // executor: queue of work
};

}  // namespace manifolddb::base
