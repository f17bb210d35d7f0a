#pragma once
// format.md once more, as rules over bytes: what a decoder must accept and what it must refuse. Written from
// the text, not from the decoders; where the two differ, one of them is wrong.
//
// Each says what is wrong, or null. Checksums are a rule of their own where a decoder is told to look away.

#include "manifolddb/bytes.h"

namespace manifolddb::fuzz {

// REQUIRES: at least 256 bytes.
const char* WhyNoMetaPage(ByteView unit);
// REQUIRES: at least 64 bytes.
const char* WhyNoLogHeader(ByteView unit);
// REQUIRES: at least 40 bytes.
const char* WhyNoLogMarker(ByteView unit);
// All but the checksum. REQUIRES: at least 88 bytes.
const char* WhyNoGroupHeader(ByteView group);
// A node by itself, all but the checksum; reads every slot, cell, key and reference. REQUIRES: a page size.
const char* WhyNoNode(ByteView page);

const char* WhyNoFamilyRecord(ByteView value);
const char* WhyNoTableRecord(ByteView value);
const char* WhyNoDroppedRecord(ByteView value);
const char* WhyNoSavepointRecord(ByteView value);

}  // namespace manifolddb::fuzz
