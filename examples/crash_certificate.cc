// A crash test whose failure can be handed to somebody else. A theatre sells seats: what a customer was told
// is sold is sold, and each seat that is sold has a ticket. It is tried at every power cut; where it does not
// hold, a certificate says which cut, which image of the disk, and what was wrong, and --replay comes to the
// same, wherever it runs.
//
//   crash_certificate sound            no power cut breaks the promise
//   crash_certificate broken FILE      the mistake of two transactions where one is needed: FILE is its
//                                      certificate
//   crash_certificate --replay FILE    exit code 0: the certificate tells the truth

#include <manifolddb/database.h>
#include <manifolddb/typed.h>

#include <charconv>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faultfs/crash_point.h"
#include "faultfs/disk.h"

using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Options;
using manifolddb::Result;
using manifolddb::Status;
using manifolddb::Storage;
using manifolddb::TableDefinition;
using manifolddb::WriteTransaction;
namespace faultfs = manifolddb::faultfs;

namespace {

constexpr TableDefinition<uint32_t, std::string> kSeats("seats");      // who has it
constexpr TableDefinition<std::string, uint32_t> kTickets("tickets");  // by number, for which seat
constexpr uint32_t kSales = 4;
const faultfs::Traits kTraits{.atomic_unit = 512};

// ---- The program that is tried.

class Theatre {
 public:
  static Result<Theatre> Open(std::shared_ptr<Storage> storage) {
    Options options;
    options.page_size = options.write_unit = 512;
    options.log_bytes_initial = options.log_bytes_max = 16 * 512;
    options.cache_bytes = 64 * 512;
    options.dirty_bytes_max = 32 * 512;
    options.executor = manifolddb::MakeInlineExecutor();  // every run is the same
    auto db = Database::Open(std::move(storage), "theatre", options);
    if (!db) return std::unexpected(db.error());
    auto sales = (*db)->OpenOrCreateColumnFamily("sales");
    if (!sales) return std::unexpected(sales.error());
    return Theatre(std::move(*db), *sales);
  }

  Status Sell(uint32_t seat, bool broken) {
    const auto note_seat = [&](WriteTransaction& txn) -> Status {
      auto seats = kSeats.OpenOrCreate(txn, sales_);
      if (!seats) return std::unexpected(seats.error());
      return seats->Put(seat, "a customer");
    };
    const auto print_ticket = [&](WriteTransaction& txn) -> Status {
      auto tickets = kTickets.OpenOrCreate(txn, sales_);
      if (!tickets) return std::unexpected(tickets.error());
      return tickets->Put("ticket " + std::to_string(1000 + seat), seat);
    };
    const auto both = [&](WriteTransaction& txn) -> Status {
      if (auto noted = note_seat(txn); !noted) return noted;
      return print_ticket(txn);
    };
    if (broken) {  // the bug that is planted
      auto noted = db_->Write(sales_, note_seat);
      if (!noted) return std::unexpected(noted.error());
    }
    auto commit = broken ? db_->Write(sales_, print_ticket) : db_->Write(sales_, both);
    if (!commit) return std::unexpected(commit.error());
    return {};
  }

  // Whose seats are sold, and which of them have a ticket.
  Result<std::map<uint32_t, bool>> Look() const {
    std::map<uint32_t, bool> has_ticket;
    auto txn = db_->BeginRead();
    if (!txn) return std::unexpected(txn.error());
    if (auto seats = kSeats.Open(*txn, sales_)) {
      auto entries = seats->Entries();
      if (!entries) return std::unexpected(entries.error());
      for (const auto& entry : *entries) {
        if (!entry) return std::unexpected(entry.error());
        has_ticket[entry->key] = false;
      }
    }
    if (auto tickets = kTickets.Open(*txn, sales_)) {
      auto entries = tickets->Entries();
      if (!entries) return std::unexpected(entries.error());
      for (const auto& entry : *entries) {
        if (!entry) return std::unexpected(entry.error());
        has_ticket[entry->value] = true;
      }
    }
    return has_ticket;
  }

 private:
  Theatre(std::unique_ptr<Database> db, ColumnFamily sales) : db_(std::move(db)), sales_(sales) {}
  std::unique_ptr<Database> db_;
  ColumnFamily sales_;
};

// ---- The trial.

struct Run {
  std::shared_ptr<faultfs::Disk> disk;
  uint64_t begin = 0;                  // effects of the disk before the first sale
  std::vector<uint64_t> sold_at = {};  // and when each customer was told
};

Result<Run> Sell(bool broken) {
  Run run{.disk = std::make_shared<faultfs::Disk>(kTraits)};
  auto theatre = Theatre::Open(run.disk->NewProcess());
  if (!theatre) return std::unexpected(theatre.error());
  run.begin = run.disk->effects();
  for (uint32_t seat = 0; seat < kSales; ++seat) {
    if (auto sold = theatre->Sell(seat, broken); !sold) return std::unexpected(sold.error());
    run.sold_at.push_back(run.disk->effects());
  }
  run.disk->Kill();
  return run;
}

// A state of the disk: a power cut, and what of that which was not synced by then had arrived.
struct Where {
  uint64_t effects = 0;
  faultfs::ImageSpec image;
};

// What is wrong there; nothing: the promise holds.
std::string Judge(const Run& run, faultfs::CrashPoint& point, const Where& where) {
  point.MoveTo(where.effects);
  auto theatre = Theatre::Open(std::make_shared<faultfs::Disk>(point.Draw(where.image), kTraits, 2));
  if (!theatre) return "it does not open: " + theatre.error().ToString();
  const auto seats = theatre->Look();
  if (!seats) return "it cannot be read: " + seats.error().ToString();
  for (uint32_t seat = 0; seat < kSales; ++seat)
    if (run.sold_at[seat] <= where.effects && !seats->contains(seat))
      return "a customer was told of seat " + std::to_string(seat) + ", and it is free";
  for (const auto& [seat, ticket] : *seats)
    if (!ticket) return "seat " + std::to_string(seat) + " is sold and has no ticket";
  return "";
}

struct Found {
  Where where;
  std::string wrong;
};
std::optional<Found> Search(const Run& run) {
  faultfs::CrashPoint point(run.disk->trace(), run.begin);
  for (uint64_t effects = run.begin; effects <= run.disk->effects(); ++effects) {
    point.MoveTo(effects);
    for (size_t number = 0; number < faultfs::kPolicies; ++number) {
      const auto policy = static_cast<faultfs::Policy>(number);
      const uint64_t images = policy == faultfs::Policy::kRandom ? 8 : point.ParameterCount(policy);
      for (uint64_t parameter = 0; parameter < images; ++parameter) {
        const Where where{effects, {policy, parameter}};
        if (std::string wrong = Judge(run, point, where); !wrong.empty()) return Found{where, wrong};
      }
    }
  }
  return std::nullopt;
}

// ---- The certificate: lines of text, of which --replay reads the first three.

void Write(std::ostream& out, const Run& run, const Found& found) {
  out << "effects " << found.where.effects << "\nimage " << found.where.image.ToString() << "\nwrong "
      << found.wrong << "\n\nWhat the disk was told before the power failed, from the first sale on:\n";
  const auto lines = run.disk->Lines(run.begin);
  for (size_t i = 0; i < lines.size() && run.begin + i < found.where.effects; ++i)
    out << "  " << run.begin + i << " " << lines[i] << "\n";
}

std::optional<Found> Read(std::istream& in) {
  Found found;
  std::string effects;
  std::string image;
  const auto field = [&](const char* name, std::string& value) {
    std::string word;
    return in >> word && word == name && std::getline(in >> std::ws, value);
  };
  if (!field("effects", effects) || !field("image", image) || !field("wrong", found.wrong))
    return std::nullopt;
  const auto [end, error] =
      std::from_chars(effects.data(), effects.data() + effects.size(), found.where.effects);
  const auto parsed = faultfs::ImageSpec::Parse(image);
  if (error != std::errc() || end != effects.data() + effects.size() || !parsed) return std::nullopt;
  found.where.image = *parsed;
  return found;
}

int Replay(const std::string& file) {
  std::ifstream in(file);
  const auto claimed = Read(in);
  auto run = Sell(true);
  if (!claimed || !run || claimed->where.effects < run->begin ||
      claimed->where.effects > run->disk->effects()) {
    std::cerr << "crash_certificate: " << file << " is no certificate of this program\n";
    return 2;
  }
  faultfs::CrashPoint point(run->disk->trace(), run->begin);
  point.MoveTo(claimed->where.effects);
  const auto [policy, parameter] = claimed->where.image;
  if (policy != faultfs::Policy::kRandom && parameter >= point.ParameterCount(policy)) {
    std::cout << "not confirmed: the disk has no such image there\n";
    return 1;
  }
  const std::string wrong = Judge(*run, point, claimed->where);
  std::cout << (wrong == claimed->wrong ? "confirmed: " : "not confirmed: ") << wrong << "\n";
  return wrong == claimed->wrong ? 0 : 1;
}

int Try(bool broken, const std::string& file) {
  auto run = Sell(broken);
  if (!run) {
    std::cerr << "crash_certificate: " << run.error().ToString() << "\n";
    return 2;
  }
  const auto found = Search(*run);
  std::cout << (found ? "broken: " + found->wrong : "no power cut breaks the promise") << "\n";
  if (!found) return 0;
  std::ofstream out(file);
  Write(out, *run, *found);
  return out.flush() ? 1 : 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (argc == 2 && what == "sound") return Try(false, "/dev/null");
  if (argc == 3 && what == "broken") return Try(true, argv[2]);
  if (argc == 3 && what == "--replay") return Replay(argv[2]);
  std::cerr << "usage: crash_certificate sound | broken FILE | --replay FILE\n";
  return 2;
}
