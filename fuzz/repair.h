#pragma once
// Checksums made to match what somebody changed: without them a fuzzer would never see what lies behind.

#include "manifolddb/bytes.h"

namespace manifolddb::fuzz {

// Each leaves bytes that are too few for its struct as they are.
void RepairMetaPage(MutableByteView unit);   // magic, stamps, checksum
void RepairLogHeader(MutableByteView unit);  // magic, checksum
void RepairLogMarker(MutableByteView unit);
void RepairLogGroup(MutableByteView group);  // magic; the checksum, if the records end inside
void RepairNode(MutableByteView page);       // the checksum
// The heads of slots as their keys have it, the garbage as it is, then the checksum: what follows from the
// rest, so that a change of a key alone is not refused for them.
void SettleNode(MutableByteView page);

}  // namespace manifolddb::fuzz
