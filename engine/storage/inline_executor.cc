// Work runs where it is submitted.

#include "engine/base/assert.h"
#include "engine/base/mutex.h"
#include "manifolddb/executor.h"

namespace manifolddb {
namespace {

class InlineExecutor final : public Executor {
 public:
  void Submit(std::function<void()> work) override {
    base::AssertNoLocksHeld();
    MANIFOLDDB_ASSERT(work != nullptr);
    work();
  }
};

}  // namespace

std::shared_ptr<Executor> MakeInlineExecutor() { return std::make_shared<InlineExecutor>(); }

}  // namespace manifolddb
