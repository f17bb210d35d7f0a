// The picture of a certificate: time goes down, one row for each effect on the disk; on the left what was
// asked of the database, then one lane for each file and one for the directory. What did not arrive is
// crossed out. Threads have a lane each on the left. At the bottom what had to be found, and what was.
//
// (1) Each text stands in a row or a box of its own, and is cut to the width of its place: characters are of
//     one width.
// (2) Effects that nothing hangs on are told by their number.
#include <algorithm>
#include <set>
#include <utility>

#include "crashsim/certificate.h"
#include "crashsim/json.h"

namespace manifolddb::crashsim {
namespace {

constexpr int kWidth = 980;
constexpr int kMargin = 20;
constexpr int kRow = 24;
constexpr int kStepWidth = 300;
constexpr int kThreadWidth = 230;
constexpr int kBar = 6;          // of the thread that runs
constexpr int kStepIndent = 14;  // behind it
constexpr int kLaneWidth = 196;
constexpr int kLaneGap = 12;
constexpr int kLanes = 3;
constexpr double kCharacter = 7.3;  // of 12 px monospace, rounded up
constexpr size_t kShownAtEnds = 4;  // of effects in a row that nothing hangs on

constexpr char kStyle[] = R"(<style>
  svg { color-scheme: light dark; }
  text { font: 12px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 700; }
  .head { font-weight: 700; }
  .dim { fill: #59636e; }
  .page { fill: #ffffff; }
  .box { fill: #f6f8fa; stroke: #9aa4af; }
  .write { fill: #ddeeff; stroke: #3b78c4; }
  .sync { fill: #dcf3e2; stroke: #2f8a4c; }
  .lost { fill: #ffe7e5; stroke: #cf222e; stroke-dasharray: 4 2; }
  .cross { stroke: #cf222e; stroke-width: 2; }
  .cut { stroke: #cf222e; stroke-width: 3; }
  .kill { stroke: #b35900; stroke-width: 3; stroke-dasharray: 8 4; }
  .alarm { fill: #b3151f; font-weight: 700; }
  .good { fill: #dcf3e2; stroke: #2f8a4c; }
  .bad { fill: #ffe7e5; stroke: #cf222e; }
  .lane { stroke: #d5dae0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .dim { fill: #9aa5b1; }
    .page { fill: #0d1117; }
    .box { fill: #161b22; stroke: #6b7684; }
    .write { fill: #10294a; stroke: #5b9bea; }
    .sync, .good { fill: #0f2f1a; stroke: #4fb36e; }
    .lost, .bad { fill: #3d1416; stroke: #ff7b72; }
    .cross, .cut { stroke: #ff7b72; }
    .kill { stroke: #f0a04b; }
    .alarm { fill: #ff9a93; }
    .lane { stroke: #2a313a; }
  }
</style>
)";

constexpr char kStyleOfThreads[] = R"(<style>
  .bar { fill: #8250df; stroke: none; }
  .away { stroke: #59636e; stroke-dasharray: 3 3; }
  @media (prefers-color-scheme: dark) {
    .bar { fill: #a371f7; }
    .away { stroke: #9aa5b1; }
  }
</style>
)";

std::string Xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

size_t Fits(int width) { return static_cast<size_t>(width / kCharacter); }

std::string Shortened(std::string text, int width) {  // (1)
  const size_t most = Fits(width);
  if (text.size() > most) text = text.substr(0, most - 2) + "..";
  return text;
}

// At blanks where there are any.
std::vector<std::string> Wrapped(std::string_view text, int width) {
  const size_t most = Fits(width);
  std::vector<std::string> lines;
  while (text.size() > most) {
    size_t end = text.rfind(' ', most);
    if (end == std::string_view::npos || end == 0) end = most;
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), text[end] == ' ' ? end + 1 : end));
  }
  lines.emplace_back(text);
  return lines;
}

class Canvas {
 public:
  void Text(int x, int y, const char* style, std::string_view text) {
    body_ += "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\"";
    if (*style != '\0') body_ += std::string(" class=\"") + style + "\"";
    body_ += ">" + Xml(text) + "</text>\n";
  }
  void Rect(int x, int y, int width, int height, const char* style) {
    body_ += "<rect x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" width=\"" +
             std::to_string(width) + "\" height=\"" + std::to_string(height) + "\" rx=\"3\" class=\"" +
             style + "\"/>\n";
  }
  void Line(int x1, int y1, int x2, int y2, const char* style) {
    body_ += "<line x1=\"" + std::to_string(x1) + "\" y1=\"" + std::to_string(y1) + "\" x2=\"" +
             std::to_string(x2) + "\" y2=\"" + std::to_string(y2) + "\" class=\"" + style + "\"/>\n";
  }
  void Arrow(int x1, int x2, int y, const char* style) {
    const int back = x1 < x2 ? -6 : 6;
    Line(x1, y, x2, y, style);
    Line(x2 + back, y - 4, x2, y, style);
    Line(x2 + back, y + 4, x2, y, style);
  }
  std::string Page(int width, int height, std::string_view title, const char* styles) const {
    const std::string size = std::to_string(width) + " " + std::to_string(height);
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + size + "\" width=\"" +
           std::to_string(width) + "\" height=\"" + std::to_string(height) + "\" role=\"img\">\n<title>" +
           Xml(title) + "</title>\n" + kStyle + styles + "<rect width=\"" + std::to_string(width) +
           "\" height=\"" + std::to_string(height) + "\" class=\"page\"/>\n" + body_ + "</svg>\n";
  }

 private:
  std::string body_;
};

std::string ValueText(const Json& change) {
  const std::string value = change.at("value");
  if (change.contains("times")) return std::to_string(change.at("times").get<size_t>()) + " x " + value;
  return value;
}

std::string TextOfChange(const Json& change) {
  const std::string what = change.at("do");
  std::string text =
      what + " " + change.at("family").get<std::string>() + "/" + change.at("table").get<std::string>();
  if (change.contains("key")) text += " " + change.at("key").get<std::string>();
  if (change.contains("lower")) text += " from " + change.at("lower").get<std::string>();
  if (change.contains("upper")) text += " below " + change.at("upper").get<std::string>();
  if (change.contains("value")) text += " = " + ValueText(change);
  return text;
}

std::vector<std::string> LinesOfStep(const Json& step) {
  std::string what = step.at("do");
  if (what != "transaction") {
    std::ranges::replace(what, '_', ' ');
    if (step.contains("family")) what += " " + step.at("family").get<std::string>();
    return {what};
  }
  std::vector<std::string> lines;
  for (const Json& change : step.at("changes")) lines.push_back(TextOfChange(change));
  lines.push_back(step.at("end").get<std::string>());
  return lines;
}

// What a life meets.
std::vector<std::string> LinesOfFaults(const Json& life) {
  std::vector<std::string> lines;
  for (const Json& fault : life.value("faults", Json::array())) {
    std::string text = "fails: " + fault.at("calls")[0].get<std::string>() + " " +
                       std::to_string(fault.at("at").get<uint64_t>());
    if (fault.contains("file")) text += " of " + fault.at("file").get<std::string>();
    if (fault.contains("lasting")) text += " and all behind";
    lines.push_back(text + " (" + fault.at("how").get<std::string>() + ")");
  }
  if (life.contains("no_memory")) {
    lines.push_back("no memory: " + std::to_string(life.at("no_memory").get<uint64_t>()) + " in commits");
  }
  return lines;
}

std::string TextOfHarm(const Json& harm) {
  const std::string how = harm.at("how");
  const std::string file = harm.at("file");
  const auto number = [&](const char* of) { return std::to_string(harm.value(of, uint64_t{0})); };
  if (how == "remove") return "damage: the file " + file + " is gone";
  if (how == "flip")
    return "damage: bit " + number("bit") + " of byte " + number("offset") + " of " + file + " flips";
  const std::string from = how == "older" ? "as they were after effect " + number("after_effects")
                                          : "as another database has them";
  if (!harm.contains("bytes")) return "damage: all bytes of " + file + " are " + from;
  const std::string place = harm.contains("to") ? number("to") : number("offset");
  const bool elsewhere = harm.contains("to");
  return "damage: " + number("bytes") + " bytes of " + file + " at " + place + " are those at " +
         (elsewhere ? number("offset") + ", " : "this place, ") + from;
}

// Rows of one process.
class Timeline {
 public:
  explicit Timeline(const Json& certificate) : certificate_(certificate) {
    for (const Json& life : certificate.at("lives")) {
      if (life.contains("threads")) threads_ = std::max(threads_, life.at("threads").size());
    }
    step_width_ = std::max(kStepWidth, static_cast<int>(threads_) * (kThreadWidth + kLaneGap) - kLaneGap);
    width_ = kWidth - kStepWidth + step_width_;
  }

  std::string Draw() {
    Head();
    for (size_t i = 0; i < certificate_.at("lives").size(); ++i) DrawLife(certificate_.at("lives")[i], i);
    Verdict();
    const std::string title = "A crash that breaks promise " + Word("promise") + ", " + Word("meaning");
    return canvas_.Page(width_, y_ + kMargin, title, threads_ > 0 ? kStyleOfThreads : "");
  }

 private:
  std::string Word(const char* of) const { return certificate_.at("violation").value(of, ""); }
  int LaneX(int lane) const { return kMargin + step_width_ + kLaneGap + lane * (kLaneWidth + kLaneGap); }
  int Right() const { return width_ - kMargin; }
  // The baseline of a text in the row that begins at `y`.
  static int Baseline(int y) { return y + kRow / 2 + 4; }

  void Head() {
    y_ = kMargin;
    std::string broken;
    for (const Json& site : certificate_.at("broken")) broken += " " + site.get<std::string>();
    canvas_.Text(kMargin, y_ + 14, "title",
                 Shortened(Word("promise") + " " + Word("meaning") + " is broken", 700));
    y_ += kRow;
    const std::string counts = std::to_string(certificate_.at("operations").get<uint64_t>()) +
                               " operations, " + std::to_string(certificate_.at("lost").get<uint64_t>()) +
                               " changes lost" + (broken.empty() ? "" : "; the engine broken at" + broken);
    canvas_.Text(kMargin, Baseline(y_), "dim", Shortened(counts, width_ - 2 * kMargin));
    y_ += kRow + 6;
    constexpr const char* kNames[kLanes] = {"the log", "the data file", "the directory"};
    canvas_.Text(kMargin, Baseline(y_), "head", "asked of the database");
    for (int lane = 0; lane < kLanes; ++lane) canvas_.Text(LaneX(lane), Baseline(y_), "head", kNames[lane]);
    y_ += kRow;
    canvas_.Line(kMargin, y_, Right(), y_, "lane");
    y_ += 6;
  }

  void DrawLife(const Json& life, size_t index) {
    lost_.clear();
    if (life.contains("lost")) {
      for (const Json& loss : life.at("lost")) lost_.insert(loss.at("effect").get<uint64_t>());
    }
    first_ = life.at("first_effect");
    const uint64_t end = first_ + life.at("effects").size();
    const uint64_t opened = life.at("opened_after");
    const bool made = index == 0;
    std::vector<std::string> opening = {made ? "a new database is made" : "the database is opened again"};
    for (std::string& fault : LinesOfFaults(life)) opening.push_back(std::move(fault));
    DrawStep(opening, life, first_, opened);
    const Json& begun = life.at("begun_after");
    const Json& steps = life.at("steps");
    const uint64_t closing = std::min(end, life.value("closing_after", end));
    for (size_t i = 0; i < steps.size() && i < begun.size(); ++i) {
      const uint64_t from = std::min<uint64_t>(end, begun[i].get<uint64_t>());
      const uint64_t to = i + 1 < begun.size() ? begun[i + 1].get<uint64_t>() : closing;
      DrawStep(LinesOfStep(steps[i]), life, from, std::min(end, to));
    }
    const bool race = life.contains("threads") && begun.size() > steps.size();
    if (race) DrawThreads(life, begun[steps.size()], std::min(end, closing));
    if (life.at("closes").get<bool>()) DrawStep({"close"}, life, closing, end);
    DrawEnd(life, end);
  }

  // ---- Threads: a row for each beginning and end of a step, each effect, each switch. A bar: who runs.

  static int ThreadX(size_t thread) { return kMargin + static_cast<int>(thread) * (kThreadWidth + kLaneGap); }
  static int ThreadMiddle(size_t thread) { return ThreadX(thread) + kThreadWidth / 2; }

  void DrawThreads(const Json& life, uint64_t from, uint64_t end) {
    const Json& threads = life.at("threads");
    for (size_t i = 0; i < threads.size(); ++i) {
      canvas_.Text(ThreadX(i) + kStepIndent, Baseline(y_), "head", "thread " + std::to_string(i));
    }
    y_ += kRow;
    size_t running = 0;
    int since = y_;
    const auto rest = [&] {
      if (y_ > since) canvas_.Rect(ThreadX(running), since, kBar, y_ - since - 2, "bar");
    };
    for (const Json& one : life.at("happened")) {
      for (; from < one[3].get<uint64_t>(); ++from) DrawEffectOf(running, life, from);
      if (one[0] != "switches") {
        DrawStepOf(one[1], threads[one[1].get<size_t>()][one[2].get<size_t>()], one[0] == "begins");
        continue;
      }
      rest();
      DrawSwitch(one, life);
      running = one[4];
      since = y_;
    }
    for (; from < end; ++from) DrawEffectOf(running, life, from);
    rest();
    y_ += 6;
  }

  void DrawStepOf(size_t thread, const Json& step, bool begins) {
    const int x = ThreadX(thread) + kStepIndent;
    if (!begins) {
      const bool commits = step.at("do") == "transaction" && step.at("end") != "abort";
      canvas_.Text(x + 8, Baseline(y_) - 2, "head", commits ? "acknowledged" : "done");
      y_ += kRow;
      return;
    }
    const std::vector<std::string> lines = LinesOfStep(step);
    const int rows = static_cast<int>(lines.size());
    canvas_.Rect(x, y_, kThreadWidth - kStepIndent, rows * kRow - 4, "box");
    for (size_t i = 0; i < lines.size(); ++i) {
      canvas_.Text(x + 8, Baseline(y_ + static_cast<int>(i) * kRow) - 2, "",
                   Shortened(lines[i], kThreadWidth - kStepIndent - 16));
    }
    y_ += rows * kRow;
  }

  void DrawEffectOf(size_t thread, const Json& life, uint64_t n) {
    if (n < first_ || !Shown(life, n)) return;
    const Json& effect = life.at("effects")[n - first_];
    const int x = LaneX(LaneOf(effect[0], effect[1]));
    canvas_.Line(ThreadX(thread) + kBar, y_ + kRow / 2 - 2, x, y_ + kRow / 2 - 2, "lane");
    DrawEffect(effect, n, y_, life);
    y_ += kRow;
  }

  // One that was chosen, or one that a wait or an end asked for.
  void DrawSwitch(const Json& one, const Json& life) {
    const bool chosen = std::ranges::any_of(life.at("switches"), [&](const Json& at) {
      return at.at("thread") == one[1] && at.at("step") == one[2] && at.at("event") == one[5];
    });
    const std::string kind = one[6];
    std::string text = "thread " + std::to_string(one[1].get<size_t>());
    if (kind == "end" || kind == "wait") {
      text += kind == "end" ? " has ended" : " waits";
    } else {
      text +=
          " is left before event " + std::to_string(one[5].get<uint64_t>()) + " of its step (" + kind + ")";
    }
    canvas_.Arrow(ThreadMiddle(one[1]), ThreadMiddle(one[4]), y_ + kRow / 2 - 2, chosen ? "cross" : "away");
    canvas_.Text(LaneX(0), Baseline(y_) - 2, chosen ? "alarm" : "dim", Shortened(text, Right() - LaneX(0)));
    y_ += kRow;
  }

  bool Shown(const Json& life, uint64_t n) const {
    const Json& effect = life.at("effects")[n - first_];
    if (effect[0] != "grow" || lost_.contains(n) || n == first_) return true;
    // The size that a write gave: told with the write.
    const Json& before = life.at("effects")[n - first_ - 1];
    return before[0] != "write" || before[1] != effect[1];
  }

  // (2)
  std::vector<uint64_t> Chosen(const Json& life, uint64_t from, uint64_t to, uint64_t& left_out) const {
    std::vector<uint64_t> shown;
    for (uint64_t n = from; n < to; ++n) {
      if (Shown(life, n)) shown.push_back(n);
    }
    left_out = 0;
    if (shown.size() <= 3 * kShownAtEnds) return shown;
    std::vector<uint64_t> chosen;
    for (size_t i = 0; i < shown.size(); ++i) {
      const bool near = i < kShownAtEnds || i + kShownAtEnds >= shown.size() || lost_.contains(shown[i]);
      if (near) {
        chosen.push_back(shown[i]);
      } else {
        ++left_out;
      }
    }
    return chosen;
  }

  // One step and the effects in [from, to) that it had.
  void DrawStep(const std::vector<std::string>& lines, const Json& life, uint64_t from, uint64_t to) {
    uint64_t left_out = 0;
    const std::vector<uint64_t> effects = Chosen(life, from, to, left_out);
    const int rows = static_cast<int>(std::max(lines.size(), effects.size() + (left_out > 0 ? 1 : 0)));
    const int height = rows * kRow - 4;
    canvas_.Rect(kMargin, y_, step_width_, height, "box");
    for (size_t i = 0; i < lines.size(); ++i) {
      canvas_.Text(kMargin + 8, Baseline(y_ + static_cast<int>(i) * kRow) - 2, "",
                   Shortened(lines[i], step_width_ - 16));
    }
    int y = y_;
    for (size_t i = 0; i < effects.size(); ++i) {
      if (left_out > 0 && i == kShownAtEnds) {
        canvas_.Text(LaneX(0), Baseline(y) - 2, "dim",
                     "... " + std::to_string(left_out) + " more effects, none of them lost");
        y += kRow;
      }
      DrawEffect(life.at("effects")[effects[i] - first_], effects[i], y, life);
      y += kRow;
    }
    y_ += rows * kRow + 6;
  }

  static int LaneOf(const std::string& what, const std::string& file) {
    if (what == "create" || what == "remove" || what == "rename" || file == ".") return 2;
    return file.starts_with("db-wal") ? 0 : 1;
  }

  void DrawEffect(const Json& effect, uint64_t n, int y, const Json& life) {
    const std::string what = effect[0];
    const std::string file = effect[1];
    const bool lost = lost_.contains(n);
    const int x = LaneX(LaneOf(what, file));
    const char* style = lost ? "lost" : what == "sync" ? "sync" : what == "write" ? "write" : "box";
    std::string text = what;
    if (what == "write") {
      text +=
          " @" + std::to_string(effect[2].get<uint64_t>()) + " +" + std::to_string(effect[3].get<uint64_t>());
    } else if (what == "grow") {
      text += " to " + std::to_string(effect[3].get<uint64_t>());
    } else if (what != "sync") {
      text += " " + file;
    }
    canvas_.Rect(x, y, kLaneWidth, kRow - 4, style);
    canvas_.Text(x + 8, Baseline(y) - 2, "", Shortened(text, kLaneWidth - (lost ? 70 : 16)));
    if (lost) Crosses(effect, n, x, y, life);
  }

  // On the right of the effect: its sectors, those crossed out that did not arrive; or one cross.
  void Crosses(const Json& effect, uint64_t n, int x, int y, const Json& life) {
    constexpr int kSquare = 10;
    constexpr uint64_t kMost = 4;
    const uint64_t unit = certificate_.at("disk").at("sector");
    const uint64_t first = effect[2].get<uint64_t>() / unit;
    const uint64_t bytes = std::max<uint64_t>(1, effect[3].get<uint64_t>());
    const bool write = effect[0] == "write";
    const uint64_t sectors = write ? (bytes + unit - 1) / unit : 1;
    for (uint64_t i = 0; i < std::min(sectors, kMost); ++i) {
      const int left = x + kLaneWidth - 8 - static_cast<int>(std::min(sectors, kMost) - i) * (kSquare + 3);
      const bool gone = std::ranges::any_of(life.at("lost"), [&](const Json& loss) {
        return loss.at("effect") == n && (!loss.contains("sector") || loss.at("sector") == first + i);
      });
      canvas_.Rect(left, y + 5, kSquare, kSquare, gone ? "lost" : "write");
      if (!gone) continue;
      canvas_.Line(left - 1, y + 4, left + kSquare + 1, y + 6 + kSquare, "cross");
      canvas_.Line(left - 1, y + 6 + kSquare, left + kSquare + 1, y + 4, "cross");
    }
  }

  static std::string TextOfLoss(const Json& loss) {
    const std::string what = loss.at("what");
    std::string text = loss.value("torn", false) ? "torn: " : "lost: ";
    if (what == "sector") text += "sector " + std::to_string(loss.at("sector").get<uint64_t>()) + " of ";
    if (what == "size") text += "the size of ";
    if (what == "name") text += "the name ";
    return text + loss.at("file").get<std::string>() + ", as effect " +
           std::to_string(loss.at("effect").get<uint64_t>()) + " wrote it";
  }

  static std::string TextOfDamage(const Json& damage) {
    const std::string file = damage.at("file");
    if (damage.at("how") == "remove") return "damage: the file " + file + " is gone";
    return "damage: a bit flips in byte " + std::to_string(damage.at("offset").get<uint64_t>()) + " of " +
           file;
  }

  void DrawEnd(const Json& life, uint64_t end) {
    const bool last = &life == &certificate_.at("lives").back();
    if (last && !certificate_.at("violation").contains("allowed")) return;  // the run itself
    const std::string how = life.at("end");
    canvas_.Line(kMargin, y_ + 4, Right(), y_ + 4, how == "kill" ? "kill" : "cut");
    y_ += 12;
    const std::string when = life.contains("after_effects") ? ", after effect " + std::to_string(end) : "";
    std::string text = how == "kill" ? "the process is killed" + when + "; the system's cache stays"
                                     : "the power fails" + when;
    if (life.contains("damage")) text = TextOfDamage(life.at("damage"));
    canvas_.Text(kMargin, Baseline(y_), "alarm", Shortened(text, width_ - 2 * kMargin));
    y_ += kRow;
    if (life.contains("lost") && !life.contains("damage")) {
      for (const Json& loss : life.at("lost")) {
        canvas_.Text(kMargin + 16, Baseline(y_), "", Shortened(TextOfLoss(loss), width_ - 3 * kMargin));
        y_ += kRow - 4;
      }
      if (life.at("lost").empty()) {
        canvas_.Text(kMargin + 16, Baseline(y_), "", "nothing is lost: all that was asked for has arrived");
        y_ += kRow - 4;
      }
    }
    if (life.value("restarts", false)) {
      const char* const owed = "owed from here on: what an opening shows that nothing ends";
      canvas_.Text(kMargin + 16, Baseline(y_), "", owed);
      y_ += kRow - 4;
    }
    for (const Json& harm : life.value("harm", Json::array())) {
      canvas_.Text(kMargin + 16, Baseline(y_), "alarm", Shortened(TextOfHarm(harm), width_ - 3 * kMargin));
      y_ += kRow - 4;
    }
    y_ += 10;
  }

  // Two boxes side by side, then the rule.
  void Verdict() {
    const int box_width = (width_ - 2 * kMargin - kLaneGap) / 2;
    constexpr size_t kStates = 8;  // lines
    const Json& violation = certificate_.at("violation");
    const bool of_states = Word("rule") == "state" || Word("rule") == "damage";
    const auto lines = [&](const char* states, const char* words) {
      std::vector<std::string> all;
      if (of_states && violation.contains(states)) {
        const Json& state =
            states == std::string_view("allowed") ? violation.at(states)[0] : violation.at(states);
        for (const Json& line : state) all.push_back(line.get<std::string>());
      }
      if (all.size() > kStates) all.resize(kStates), all.push_back("...");
      if (all.empty()) all = Wrapped(violation.at(words).get<std::string>(), box_width - 16);
      return all;
    };
    const bool several = of_states && violation.contains("allowed") && violation.at("allowed").size() > 1;
    const auto expected = lines("allowed", "expected");
    const auto found = lines("shown", "found");
    const int rows = static_cast<int>(std::max(expected.size(), found.size())) + 1;
    const auto box = [&](int x, const char* style, const char* head, const std::vector<std::string>& text) {
      canvas_.Rect(x, y_, box_width, rows * kRow, style);
      canvas_.Text(x + 8, Baseline(y_), "head", head);
      for (size_t i = 0; i < text.size(); ++i) {
        canvas_.Text(x + 8, Baseline(y_ + static_cast<int>(i + 1) * kRow) - 4, "",
                     Shortened(text[i], box_width - 16));
      }
    };
    box(kMargin, "good", several ? "must be found: this, or what was asked for later" : "must be found",
        expected);
    box(kMargin + box_width + kLaneGap, "bad", "is found", found);
    y_ += rows * kRow + 8;
    const auto say = [&](const std::string& text) {
      for (const std::string& line : Wrapped(text, width_ - 2 * kMargin)) {
        canvas_.Text(kMargin, Baseline(y_), "dim", line);
        y_ += kRow - 4;
      }
    };
    // To whom it is owed is not to be seen where there are several.
    if (threads_ > 0 && of_states) say("Expected: " + Word("expected") + ". Found: " + Word("found") + ".");
    say(Word("sentence"));
  }

  const Json& certificate_;
  Canvas canvas_;
  size_t threads_ = 0;  // of the life that has most
  int width_ = kWidth;
  int step_width_ = kStepWidth;
  int y_ = 0;
  uint64_t first_ = 0;       // of the life that is drawn
  std::set<uint64_t> lost_;  // effects of it
};

}  // namespace

std::string TimelineOf(const Json& certificate) { return Timeline(certificate).Draw(); }

}  // namespace manifolddb::crashsim
