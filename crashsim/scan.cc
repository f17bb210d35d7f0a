#include "crashsim/scan.h"

#include "crashsim/digest.h"
#include "crashsim/model.h"
#include "engine/base/try.h"

namespace manifolddb::crashsim {

Result<uint64_t> Scan(const Op& op, const WriteTable& table) {
  Range range;
  if (op.has_lower) range.lower = AsBytes(op.lower);
  if (op.has_upper) range.upper = AsBytes(op.upper);
  MANIFOLDDB_ASSIGN(Cursor cursor, table.NewCursor(range));
  const ByteView key = AsBytes(op.key);
  auto there = op.backwards ? (op.has_key ? cursor.SeekForPrev(key) : cursor.Last())
                            : (op.has_key ? cursor.Seek(key) : cursor.First());
  SequenceSum sum;
  bool backwards = op.backwards;
  for (uint32_t shown = 1; shown <= op.count; ++shown) {
    if (!there) return std::unexpected<Error>(there.error());
    if (!*there && op.turn_after == 0) break;
    if (*there) {
      MANIFOLDDB_ASSIGN(const ByteView value, cursor.value());
      AddToScan(sum, AsText(cursor.key()), Digest(value));
    }
    if (shown == op.turn_after) backwards = !backwards;
    if (shown < op.count) there = backwards ? cursor.Prev() : cursor.Next();
  }
  return sum.value();
}

}  // namespace manifolddb::crashsim
