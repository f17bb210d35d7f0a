#include "engine/base/sites.h"

#if MANIFOLDDB_SITES
namespace manifolddb::base {
namespace {
// Zero-initialised before any constructor runs, so registration order does not matter.
constinit Site* first_site = nullptr;
constinit Mark* first_mark = nullptr;
}  // namespace

Site::Site(const char* name) : name_(name), next_(first_site) { first_site = this; }
Site* Site::First() { return first_site; }

Mark::Mark(const char* name) : name_(name), next_(first_mark) { first_mark = this; }
Mark* Mark::First() { return first_mark; }

}  // namespace manifolddb::base
#endif
