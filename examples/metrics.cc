// A program that lets Prometheus watch its database, and tells of what happens to it.
//
//   metrics FOLDER              does some work, asks itself for its metrics as Prometheus would, ends
//   metrics FOLDER --serve PORT  works on, and serves http://localhost:PORT/metrics until it is killed
//   metrics --names             the metrics that there are

#include <arpa/inet.h>
#include <manifolddb/database.h>
#include <manifolddb/metrics.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>

using manifolddb::AsBytes;
using manifolddb::ColumnFamily;
using manifolddb::Database;
using manifolddb::Errc;
using manifolddb::Fail;
using manifolddb::Options;
using manifolddb::Status;

namespace {

// What happens, on a line each. Calls come from any thread, amid its work: short, none of the database.
class Teller final : public manifolddb::EventListener {
 public:
  void OnCheckpoint(const manifolddb::CheckpointInfo&) override { Tell("a checkpoint has ended"); }
  void OnStall(const manifolddb::StallInfo& stall) override {
    Tell("a writer waited for " + std::to_string(stall.nanos / 1'000'000) + " ms");
  }
  void OnPoison(const manifolddb::Error& cause) override { Tell("reopen it: " + cause.ToString()); }
  void OnCorruption(const manifolddb::Error& what) override { Tell("damaged: " + what.ToString()); }

 private:
  void Tell(const std::string& line) {
    const std::lock_guard lock(mutex_);
    std::cout << line << "\n";
  }
  std::mutex mutex_;
};

// Just enough of a web server: whatever is asked for, the metrics are the answer. One connection after the
// other; one that says nothing, or does not read, holds up the others for two seconds.
class Server {
 public:
  explicit Server(const Database& db) : db_(db) {}
  ~Server() { ::close(socket_); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // 0: any port that is free; see port().
  Status Listen(uint16_t port) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const where = reinterpret_cast<sockaddr*>(&address);
    socklen_t bytes = sizeof address;
    socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
    if (::bind(socket_, where, bytes) != 0 || ::listen(socket_, 8) != 0) {
      return Fail(Errc::kIo, "metrics.listen", {.message = "port " + std::to_string(port) + " is not free"});
    }
    ::getsockname(socket_, where, &bytes);
    port_ = ntohs(address.sin_port);
    return {};
  }
  uint16_t port() const { return port_; }

  void AnswerOne() const {
    const int connection = ::accept(socket_, nullptr, nullptr);
    if (connection < 0) return;
    const timeval patience = {.tv_sec = 2, .tv_usec = 0};
    ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    char request[4096];  // of which nothing matters
    if (::read(connection, request, sizeof request) > 0) {
      const std::string text = manifolddb::ToPrometheus(db_.Stats(), "shop");
      const std::string answer =
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: " +
          std::to_string(text.size()) + "\r\nConnection: close\r\n\r\n" + text;
      const char* rest = answer.data();
      for (size_t left = answer.size(); left > 0;) {
        const ssize_t written = ::send(connection, rest, left, MSG_NOSIGNAL);  // it may be gone
        if (written <= 0) break;
        rest += written;
        left -= static_cast<size_t>(written);
      }
    }
    ::close(connection);
  }

 private:
  const Database& db_;
  int socket_ = -1;
  uint16_t port_ = 0;
};

Status Work(Database& db, ColumnFamily shop) {
  for (int i = 0; i < 10; ++i) {
    auto commit = db.Write(shop, [&](manifolddb::WriteTransaction& txn) -> Status {
      auto orders = txn.OpenOrCreateTable(shop, "orders");
      if (!orders) return std::unexpected(orders.error());
      return orders->Put(AsBytes(std::to_string(i)), AsBytes("3 x tea"));
    });
    if (!commit) return std::unexpected(commit.error());
  }
  auto given_up = db.BeginWrite(shop);
  if (!given_up) return std::unexpected(given_up.error());
  given_up->Abort();
  return db.Checkpoint();
}

// As Prometheus does it.
std::string Ask(uint16_t port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  std::string answer;
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
  if (::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::write(connection, request.data(), request.size()) > 0) {
    char part[4096];
    for (ssize_t got = 0; (got = ::read(connection, part, sizeof part)) > 0;)
      answer.append(part, static_cast<size_t>(got));
  }
  ::close(connection);
  return answer;
}

// The first line, and what the database has done, as far as it is the same every time.
void Print(const std::string& answer) {
  std::istringstream lines(answer);
  for (std::string line; std::getline(lines, line);) {
    const bool told = line.starts_with("HTTP") || line.starts_with("manifolddb_aborts_total") ||
                      line.starts_with("manifolddb_checkpoints_total") ||
                      line.starts_with("manifolddb_stalls_total");
    if (told) std::cout << (line.ends_with('\r') ? line.substr(0, line.size() - 1) : line) << "\n";
  }
}

Status Run(const std::string& folder, uint16_t port, bool serve) {
  Options options;
  options.listener = std::make_shared<Teller>();
  auto db = Database::Open(folder + "/shop", options);
  if (!db) return std::unexpected(db.error());
  auto shop = (*db)->OpenOrCreateColumnFamily("shop");
  if (!shop) return std::unexpected(shop.error());
  Server server(**db);
  if (auto listens = server.Listen(port); !listens) return listens;
  if (auto worked = Work(**db, *shop); !worked) return worked;
  while (serve) server.AnswerOne();

  std::thread answering([&] { server.AnswerOne(); });
  Print(Ask(server.port()));
  answering.join();

  // Of one table, on request: it reads all of its pages.
  auto txn = (*db)->BeginRead();
  if (!txn) return std::unexpected(txn.error());
  auto orders = txn->OpenTable(*shop, "orders");
  if (!orders) return std::unexpected(orders.error());
  auto shape = orders->Shape();
  if (!shape) return std::unexpected(shape.error());
  std::cout << shape->entries << " orders, " << shape->leaf_pages << " leaf page, depth " << shape->depth
            << "\n";
  return {};
}

std::optional<uint16_t> PortIn(const std::string& text) {
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, wrong] = std::from_chars(text.data(), end, port);
  return wrong == std::errc() && rest == end ? std::optional(port) : std::nullopt;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string first = argc > 1 ? argv[1] : "";
  if (argc == 2 && first == "--names") {
    for (const std::string& name : manifolddb::PrometheusNames()) std::cout << name << "\n";
    return 0;
  }
  const bool serve = argc == 4 && std::string(argv[2]) == "--serve";
  const std::optional<uint16_t> port = serve ? PortIn(argv[3]) : 0;
  if ((argc != 2 && !serve) || !port) {
    std::cerr << "usage: metrics FOLDER [--serve PORT] | --names; PORT is at most 65535\n";
    return 2;
  }
  const Status status = Run(first, *port, serve);
  if (!status) std::cerr << "metrics: " << status.error().ToString() << "\n";
  return status ? 0 : 1;
}
