// (1) A batch is one transaction over all families: whatever a crash leaves, an index row is there if and
//     only if its character is.
// (2) The check knows the files and the tables, nothing of what was written when.
#include "crashsim/unicode.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <set>
#include <utility>

#include "engine/base/try.h"

namespace manifolddb::crashsim {
namespace {

enum Family : uint8_t { kCharacters, kCategories, kPlaces, kDecompositions, kNames };
constexpr char kByCode[] = "by-code";

std::string CodeKey(uint32_t code) {
  std::string key(4, '\0');
  for (int i = 0; i < 4; ++i) key[i] = static_cast<char>(code >> (24 - 8 * i));
  return key;
}

uint32_t ParseHex(std::string_view text) {
  uint32_t code = 0;
  std::from_chars(text.data(), text.data() + text.size(), code, 16);
  return code;
}

std::vector<std::string_view> Split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  size_t from = 0;
  for (size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && separators.find(text[at]) == separators.npos) continue;
    parts.push_back(text.substr(from, at - from));
    from = at + 1;
  }
  return parts;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

const std::vector<std::string>& UnicodeFamilies() {
  static const std::vector<std::string> kFamilies = {"characters", "categories", "places", "decompositions",
                                                     "names"};
  return kFamilies;
}

std::shared_ptr<const UnicodeData> UnicodeData::Load(const std::string& directory, std::string& why) {
  auto data = std::make_shared<UnicodeData>();
  std::ifstream file(directory + "/UnicodeData.txt");
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) data->characters_.push_back({ParseHex(line.substr(0, line.find(';'))), line});
  }
  if (data->characters_.empty()) {
    why = directory + "/UnicodeData.txt is missing or empty: install the package unicode-data";
    return nullptr;
  }
  data->scripts_ = ReadSpans(directory + "/Scripts.txt");
  data->blocks_ = ReadSpans(directory + "/Blocks.txt");
  return data;
}

// Lines "0041..005A ; Latin # ...", or with a single code.
std::vector<UnicodeData::Span> UnicodeData::ReadSpans(const std::string& path) {
  std::vector<Span> spans;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::string_view text = std::string_view(line).substr(0, line.find('#'));
    const size_t semicolon = text.find(';');
    if (semicolon == text.npos) continue;
    const std::string_view range = Trim(text.substr(0, semicolon));
    const size_t dots = range.find("..");
    const uint32_t first = ParseHex(range.substr(0, dots));
    const uint32_t last = dots == range.npos ? first : ParseHex(range.substr(dots + 2));
    spans.push_back({first, last, std::string(Trim(text.substr(semicolon + 1)))});
  }
  std::ranges::sort(spans, {}, &Span::first);
  return spans;
}

const std::string& UnicodeData::Lookup(const std::vector<Span>& spans, uint32_t code) {
  static const std::string kNone = "none";
  const auto after = std::ranges::upper_bound(spans, code, {}, &Span::first);
  if (after == spans.begin() || std::prev(after)->last < code) return kNone;
  return std::prev(after)->name;
}

std::vector<UnicodeRow> UnicodeData::RowsOf(const Character& character) const {
  const std::string code = CodeKey(character.code);
  std::vector<UnicodeRow> rows = {{kCharacters, kByCode, code, character.line}};
  const auto fields = Split(character.line, ";");
  if (fields.size() < 15) return rows;
  rows.push_back({kCategories, "general", std::string(fields[2]) + code, ""});
  rows.push_back({kCategories, "bidi", std::string(fields[4]) + code, ""});
  rows.push_back({kPlaces, "script", Lookup(scripts_, character.code) + '\0' + code, ""});
  rows.push_back({kPlaces, "block", Lookup(blocks_, character.code) + '\0' + code, ""});
  std::set<std::string> keys;  // a word or component may occur twice
  for (const std::string_view part : Split(fields[5], " ")) {
    if (!part.empty() && part.front() != '<') keys.insert(CodeKey(ParseHex(part)) + code);
  }
  for (const std::string& key : keys)
    rows.push_back({kDecompositions, "component", key, std::string(fields[5])});
  keys.clear();
  const std::string_view name = fields[1].starts_with('<') ? fields[10] : fields[1];
  for (const std::string_view word : Split(name, " -()")) {
    if (!word.empty()) keys.insert(std::string(word) + '\0' + code);
  }
  for (const std::string& key : keys) rows.push_back({kNames, "word", key, ""});
  return rows;
}

namespace {

using Rows = std::vector<std::string>;  // "table/key/value" of one family, sorted

std::string Flat(std::string_view table, std::string_view key, std::string_view value) {
  std::string row(table);
  row += '/';
  row += key;
  row += '/';
  row += value;
  return row;
}

// All rows of one family that is there; none if it is not.
Status ReadRows(ReadTransaction& transaction, const std::string& name, Rows& rows,
                std::vector<Character>* characters) {
  const auto family = transaction.OpenColumnFamily(name);
  if (!family && family.error().code() == Errc::kNoSuchColumnFamily) return {};
  if (!family) return std::unexpected<Error>(family.error());
  MANIFOLDDB_ASSIGN(const std::vector<std::string> tables, transaction.ListTables(*family));
  for (const std::string& table : tables) {
    MANIFOLDDB_ASSIGN(const ReadTable source, transaction.OpenTable(*family, table));
    MANIFOLDDB_ASSIGN(Cursor cursor, source.NewCursor());
    MANIFOLDDB_ASSIGN(bool there, cursor.First());
    while (there) {
      MANIFOLDDB_ASSIGN(const ByteView value, cursor.value());
      rows.push_back(Flat(table, AsText(cursor.key()), AsText(value)));
      if (characters != nullptr) {
        const std::string line(AsText(value));
        characters->push_back({ParseHex(line.substr(0, line.find(';'))), line});
      }
      MANIFOLDDB_ASSIGN(there, cursor.Next());
    }
  }
  return {};
}

std::string Example(const Rows& rows) {
  std::string text;
  for (const char c : rows.front()) text += c >= 0x20 && c < 0x7f ? c : '.';
  return std::to_string(rows.size()) + " rows, the first " + text;
}

}  // namespace

std::vector<std::string> UnicodeData::Disagreements(ReadTransaction& transaction) const {
  std::vector<Rows> found(UnicodeFamilies().size());
  std::vector<Character> characters;
  for (size_t i = 0; i < found.size(); ++i) {
    const Status read =
        ReadRows(transaction, UnicodeFamilies()[i], found[i], i == kCharacters ? &characters : nullptr);
    if (!read) return {"reading failed: " + crashsim::Describe(read.error())};
  }
  std::vector<Rows> implied(found.size());
  for (const Character& character : characters) {
    for (const UnicodeRow& row : RowsOf(character))
      implied[row.family].push_back(Flat(row.table, row.key, row.value));
  }
  std::vector<std::string> wrong;
  for (size_t i = 0; i < found.size(); ++i) {
    std::ranges::sort(found[i]);
    std::ranges::sort(implied[i]);
    Rows missing;
    Rows stray;
    std::ranges::set_difference(implied[i], found[i], std::back_inserter(missing));
    std::ranges::set_difference(found[i], implied[i], std::back_inserter(stray));
    const std::string family = "family '" + UnicodeFamilies()[i] + "': ";
    if (!missing.empty()) wrong.push_back(family + "characters without their index: " + Example(missing));
    if (!stray.empty()) wrong.push_back(family + "index without its character: " + Example(stray));
  }
  return wrong;
}

// ---- The workload -----------------------------------------------------------------------------------------

namespace {

class UnicodeWorkload final : public Workload {
 public:
  UnicodeWorkload(std::shared_ptr<const UnicodeData> data, const Setup& setup, uint32_t steps, Random& random)
      : data_(std::move(data)),
        steps_(steps),
        batch_max_(setup.options.page_size >= 4096 ? 64 : 3 + random.Below(10)),
        start_(random.Below(data_->characters().size())),
        stride_(random.Chance(50) ? 1 : 1 + random.Below(500)),
        deletes_(random.Chance(60)),
        none_percent_(random.Chance(60) ? 25 : 0),
        through_percent_(random.Chance(50) ? 12 : 0),
        background_(random.Chance(50)) {}

  Program Draw(Random& random, uint32_t generation, Serial last_serial) override;
  Invariant invariant() const override {
    return [data = data_](ReadTransaction& transaction) { return data->Disagreements(transaction); };
  }
  std::string Describe() const override {
    return "unicode from " + std::to_string(start_) + " by " + std::to_string(stride_) + ", batches to " +
           std::to_string(batch_max_);
  }

 private:
  Step Batch(Random& random, uint64_t first, uint64_t count, bool remove, Serial serial) const;

  const std::shared_ptr<const UnicodeData> data_;
  const uint32_t steps_;
  const uint64_t batch_max_;
  const uint64_t start_;
  const uint64_t stride_;
  const bool deletes_;
  const uint32_t none_percent_;
  const uint32_t through_percent_;
  const bool background_;
};

Step UnicodeWorkload::Batch(Random& random, uint64_t first, uint64_t count, bool remove,
                            Serial serial) const {
  Step step{.kind = StepKind::kTransaction, .serial = serial, .families = UnicodeFamilies()};
  const auto& all = data_->characters();
  for (uint64_t i = first; i < first + count; ++i) {
    for (UnicodeRow& row : data_->RowsOf(all[(start_ + i * stride_) % all.size()])) {
      Op op{.kind = remove ? OpKind::kDelete : OpKind::kPut, .family = row.family, .table = row.table};
      op.key = std::move(row.key);
      if (!remove) op.value = std::move(row.value);
      step.ops.push_back(std::move(op));
    }
  }
  step.all_families = true;
  step.commit = !random.Chance(4);
  if (random.Chance(none_percent_)) step.durability = Durability::kNone;
  step.through_checkpoint = random.Chance(through_percent_);
  return step;
}

Program UnicodeWorkload::Draw(Random& random, uint32_t generation, Serial last_serial) {
  Program program{.background = background_};
  Serial serial = last_serial;
  Round first;
  first.actors.resize(1);
  for (const std::string& name : UnicodeFamilies()) {
    first.actors[0].push_back({.kind = StepKind::kCreateFamily, .serial = ++serial, .families = {name}});
  }
  program.rounds.push_back(std::move(first));
  Round round;
  round.actors.resize(2);  // one that loads, one that reads and makes checkpoints
  uint64_t at = uint64_t{generation} * steps_ * batch_max_ / 2;
  for (uint32_t i = 0; i < steps_ / 2; ++i) {
    const uint64_t count = 1 + random.Below(batch_max_);
    const bool remove = deletes_ && at > 0 && random.Chance(20);
    if (remove) {
      round.actors[0].push_back(Batch(random, random.Below(at), count, true, ++serial));
    } else {
      round.actors[0].push_back(Batch(random, at, count, false, ++serial));
      at += count;
    }
    if (random.Chance(25)) round.actors[1].push_back({.kind = StepKind::kReadAll});
    if (random.Chance(8)) round.actors[1].push_back({.kind = StepKind::kCheckpoint});
    if (i == steps_ / 4 && random.Chance(40)) {
      round.reopen = true;
      program.rounds.push_back(std::exchange(round, {}));
      round.actors.resize(2);
    }
  }
  Step last = Batch(random, at, 1, false, ++serial);
  last.commit = true;
  last.durability = Durability::kImmediate;
  round.actors[0].push_back(std::move(last));
  program.rounds.push_back(std::move(round));
  program.close = random.Chance(60);
  return program;
}

}  // namespace

std::unique_ptr<Workload> MakeUnicodeWorkload(const Setup& setup, uint32_t steps, Random& random,
                                              std::string& why) {
  static const std::shared_ptr<const UnicodeData> data = UnicodeData::Load(kUnicodeDirectory, why);
  if (!data) {
    if (why.empty()) why = "the Unicode data is missing";
    return nullptr;
  }
  return std::make_unique<UnicodeWorkload>(data, setup, steps, random);
}

}  // namespace manifolddb::crashsim
