// The command line tool as a user runs it: output, exit codes, and that it never changes a byte.

#include <algorithm>
#include <cstring>

#include "engine/base/checksum.h"
#include "engine/format/meta_page.h"
#include "tools/tool_runner.h"

namespace manifolddb::tools {
namespace {

// ---- verify -----------------------------------------------------------------------------------------------

TEST_F(ToolsTest, VerifySaysThatAWholeDatabaseIsWhole) {
  MakeSample(path_);
  const Ran text = Run({"verify", path_});
  EXPECT_EQ(text.exit_code, 0) << text.out << text.err;
  EXPECT_TRUE(Contains(text.out, "db: whole, 323 entries")) << text.out;
  EXPECT_EQ(text.err, "");

  const Ran parsed = Run({"verify", "--json", path_});
  EXPECT_EQ(parsed.exit_code, 0);
  const json report = json::parse(parsed.out);
  EXPECT_EQ(report["whole"], true);
  EXPECT_EQ(report["entries"], kPeople + 23);
  EXPECT_EQ(report["problems"], json::array());
  EXPECT_EQ(report["notes"], json::array());
}

TEST_F(ToolsTest, VerifyReportsAFlippedByteInALeafAtItsPage) {
  MakeSample(path_);
  const uint64_t leaf = PageWith("value of " + PersonKey(77));
  FlipByte(path_, leaf + 300);
  const Ran text = Run({"verify", path_});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_TRUE(Contains(text.out, path_ + " at byte " + std::to_string(leaf) + ": ")) << text.out;
  // Both versions own the page: it is told once, with both places, and what is wrong is the checksum only.
  EXPECT_EQ(CountOf(text.out, "at byte " + std::to_string(leaf)), 1u) << text.out;
  EXPECT_TRUE(Contains(text.out,
                       "checkpoint, family 'people', table 'names'; family 'people', table 'names': "
                       "checksum mismatch in page "))
      << text.out;
  EXPECT_FALSE(Contains(text.out, "expected page")) << text.out;
  EXPECT_TRUE(Contains(text.out, "restore the database from a backup")) << text.out;

  const Ran parsed = Run({"verify", path_, "--json"});
  EXPECT_EQ(parsed.exit_code, 1);
  const json report = json::parse(parsed.out);
  EXPECT_EQ(report["whole"], false);
  ASSERT_FALSE(report["problems"].empty());
  for (const json& problem : report["problems"]) {
    EXPECT_EQ(problem["file"], path_);
    EXPECT_EQ(problem["offset"], leaf);
    EXPECT_FALSE(problem["what"].get<std::string>().empty());
    EXPECT_FALSE(problem["advice"].get<std::string>().empty());
    EXPECT_EQ(problem["affected"][0]["table"], "names");
  }
}

TEST_F(ToolsTest, VerifySaysWhichKeysAreAffectedAndWhatToDo) {
  MakeSample(path_);
  FlipByte(path_, PageWith("value of " + PersonKey(77)) + 300);
  FlipByte(path_, PageWith(LargeValue(400)) + 10);
  const Ran text = Run({"verify", path_});
  EXPECT_TRUE(
      Contains(text.out, "  affected: column family \"people\", table \"names\": keys from \"person10"))
      << text.out;
  EXPECT_TRUE(Contains(text.out, "table \"pictures\": key \"picture")) << text.out;
  EXPECT_TRUE(Contains(text.out, "manifolddb salvage " + path_ + " OUT")) << text.out;
}

TEST_F(ToolsTest, VerifyReportsEachOfSeveralDamagedPlaces) {
  MakeSample(path_);
  const uint64_t leaf = PageWith("value of " + PersonKey(5));
  const uint64_t other = PageWith("value of " + PersonKey(290));
  ASSERT_NE(leaf, other);
  FlipByte(path_, leaf);
  FlipByte(path_, other + kPage - 1);
  const Ran ran = Run({"verify", path_});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Contains(ran.out, "at byte " + std::to_string(leaf) + ":")) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "at byte " + std::to_string(other) + ":")) << ran.out;
}

TEST_F(ToolsTest, DamageThatKeepsTheDatabaseFromOpeningIsAProblemFound) {
  MakeSample(path_);
  FlipByte(path_, 2 * 512 + 70);
  FlipByte(path_, 3 * 512 + 71);
  const Ran ran = Run({"verify", path_});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Contains(ran.out, path_ + " at byte 0: ")) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "does not open")) << ran.out;
  const json report = json::parse(Run({"verify", path_, "--json"}).out);
  EXPECT_EQ(report["opened"], false);
  EXPECT_EQ(report["whole"], false);
}

TEST_F(ToolsTest, ADamagedCopyOfAMetaPageIsANoteBecauseItsTwinCounts) {
  MakeSample(path_);
  FlipByte(path_, 1 * 512 + 70);
  const Ran ran = Run({"verify", path_});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_TRUE(Contains(ran.out, "note: " + path_ + " at byte 512: meta page, slot A, copy 1")) << ran.out;
  EXPECT_EQ(json::parse(Run({"verify", path_, "--json"}).out)["notes"].size(), 1u);
}

TEST_F(ToolsTest, ATruncatedFileIsDamaged) {
  MakeSample(path_);
  WriteBytes(path_, ReadBytes(path_).substr(0, 20 * kPage));
  const Ran ran = Run({"verify", path_});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Contains(ran.out, path_ + " at byte " + std::to_string(20 * kPage))) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "lost its end")) << ran.out;
  for (const char* command : {"stat", "dump"}) {
    const Ran refused = Run({command, path_});
    EXPECT_EQ(refused.exit_code, 1) << command;
    EXPECT_TRUE(Contains(refused.err, "kTruncated")) << refused.err;
  }
}

TEST_F(ToolsTest, AFileCutInsideItsFirstMetaPageIsDamaged) {
  MakeSample(path_);
  const std::string whole = ReadBytes(path_);
  for (const size_t bytes : {size_t{8}, size_t{100}, size_t{255}, size_t{256}, size_t{300}}) {
    WriteBytes(path_, whole.substr(0, bytes));
    const Ran ran = Run({"verify", path_});
    EXPECT_EQ(ran.exit_code, 1) << bytes;
    EXPECT_TRUE(Contains(ran.out, "lost its end")) << ran.out;
    EXPECT_EQ(Run({"dump", "--meta", path_}).exit_code, 1) << bytes;
  }
  WriteBytes(path_, whole.substr(0, 1));
  EXPECT_EQ(Run({"verify", path_}).exit_code, 2);
  EXPECT_EQ(Run({"dump", "--meta", path_}).exit_code, 2);
}

TEST_F(ToolsTest, AMissingLogIsDamage) {
  MakeSample(path_);
  std::filesystem::remove(path_ + "-wal");
  const Ran ran = Run({"verify", path_});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Contains(ran.out, path_ + "-wal: ")) << ran.out;
}

TEST_F(ToolsTest, ACrashedDatabaseIsReadWithItsLogAndLeftAsItIs) {
  MakeCrashed(path_);
  const Ran ran = Run({"verify", path_});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "328 entries")) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "note: " + path_ + "-wal: the last 5 commits are in the log only"))
      << ran.out;
  EXPECT_EQ(json::parse(Run({"verify", path_, "--json"}).out)["recovered_commits"], 5);
  EXPECT_EQ(json::parse(Run({"stat", path_, "--json"}).out)["stats"]["tail_may_be_lost"], true);
  const Ran dump = Run({"dump", path_, "--values"});
  EXPECT_TRUE(Contains(dump.out, "\"late4\" = \"late value\"")) << dump.out;
}

// ---- What cannot be run -----------------------------------------------------------------------------------

TEST_F(ToolsTest, EveryCommandSaysWhyItCouldNotRun) {
  const std::vector<std::vector<std::string>> commands = {
      {"verify"}, {"verify", "--json"}, {"stat"}, {"stat", "--json"}, {"dump"}, {"dump", "--json"}};
  const auto expect_refused = [&](const std::string& code, const std::string& advice) {
    for (std::vector<std::string> command : commands) {
      command.push_back(path_);
      ExpectRefused(Run(command), code, advice);
    }
  };
  expect_refused("kNotFound", "check the path");
  WriteBytes(path_, std::string(50000, 'x'));
  expect_refused("kNotADatabase", "check the path");
  const Ran foreign = Run({"dump", "--meta", path_});
  EXPECT_EQ(CountOf(foreign.out, "not a meta page"), 4u) << foreign.out;
  EXPECT_EQ(foreign.exit_code, 2);
  EXPECT_TRUE(Contains(foreign.err, "kNotADatabase")) << foreign.err;
  std::filesystem::remove(path_);
  {
    const auto held = OpenSmall(path_);
    FillSample(*held);
    ASSERT_TRUE(held->Checkpoint());
    expect_refused("kLocked", "close the other opening first");
    ExpectRefused(Run({"dump", "--meta", path_}), "kLocked", "close the other opening first");
    ExpectRefused(Run({"dump", "--log", path_}), "kLocked", "close the other opening first");
  }
  EXPECT_EQ(Run({"verify", path_}).exit_code, 0);
}

TEST_F(ToolsTest, ADatabaseOfANewerFormatIsRefusedButShown) {
  MakeSample(path_);
  std::string bytes = ReadBytes(path_);
  for (uint64_t at = 0; at < 4 * 512; at += 512) {
    // Sealed by its own rule: the checksum is right, the version is one that nobody knows yet.
    format::MetaPageDisk disk;
    std::memcpy(&disk, bytes.data() + at, sizeof disk);
    disk.format_version = 99;
    disk.checksum = base::Checksum64(std::as_bytes(std::span(&disk, 1)).subspan(16));
    std::memcpy(bytes.data() + at, &disk, sizeof disk);
  }
  WriteBytes(path_, bytes);
  ExpectRefused(Run({"verify", path_}), "kNewerFormat", "use a newer version");
  const Ran meta = Run({"dump", "--meta", path_});
  EXPECT_EQ(CountOf(meta.out, ": newer format"), 4u) << meta.out;
  EXPECT_TRUE(Contains(meta.out, "format_version      99")) << meta.out;
}

TEST_F(ToolsTest, WrongArgumentsAreExplained) {
  MakeSample(path_);
  const std::vector<std::vector<std::string>> wrong = {{},
                                                       {"verify"},
                                                       {"frobnicate", path_},
                                                       {"verify", path_, "--frobnicate"},
                                                       {"dump", path_, "--limit", "many"},
                                                       {"dump", path_, "--limit", "-1"},
                                                       {"dump", path_, "--meta", "--log"},
                                                       {"dump", path_, "--meta", "--family", "people"}};
  for (const auto& arguments : wrong) {
    const Ran ran = Run(arguments);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err, "");
  }
  const Ran help = Run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_TRUE(Contains(help.out, "verify")) << help.out;
  EXPECT_TRUE(Contains(help.out, "Exit codes")) << help.out;
}

// ---- stat -------------------------------------------------------------------------------------------------

TEST_F(ToolsTest, StatListsFiguresFamiliesTablesAndLengths) {
  MakeSample(path_);
  const Ran text = Run({"stat", path_});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_TRUE(Contains(text.out, "page_size                          512  bytes")) << text.out;
  EXPECT_TRUE(Contains(text.out, "checkpoint_interval_ms           60000  option of this look")) << text.out;
  EXPECT_TRUE(Contains(text.out, "family \"people\", id 1\n  table \"names\": 300 entries")) << text.out;
  EXPECT_TRUE(Contains(text.out, "family \"odd\\\\\\xff\\x0a\"")) << text.out;
  EXPECT_FALSE(Contains(text.out, "dropped")) << text.out;

  const json stat = json::parse(Run({"stat", path_, "--json"}).out);
  EXPECT_EQ(stat["stats"]["page_size"], 512);
  EXPECT_EQ(stat["stats"]["log_bytes_capacity"], 256 * 512);
  EXPECT_GT(stat["stats"]["commit_number"], 300);
  EXPECT_EQ(stat["stats"]["recovered_commits"], 0);
  const Options options;  // those in force, which no file has
  EXPECT_EQ(stat["stats"]["cache_bytes_max"], options.cache_bytes);
  EXPECT_EQ(stat["stats"]["dirty_bytes_max"], options.cache_bytes / 2);
  EXPECT_EQ(stat["stats"]["log_bytes_max"], options.log_bytes_max);
  EXPECT_EQ(stat["stats"]["checkpoint_interval_ms"], options.checkpoint_interval_ms);
  EXPECT_EQ(stat["stats"].size(), 23u);
  EXPECT_EQ(stat["families"].size(), 2u);
  EXPECT_EQ(stat["families"][0]["name"], "odd\\\\\\xff\\x0a");
  EXPECT_EQ(stat["families"][1]["tables"], json::parse(R"([{"name": "names", "entries": 300},
                                                           {"name": "pictures", "entries": 3}])"));
}

TEST_F(ToolsTest, StatSaysOnRequestHowTablesLieInTheirPages) {
  MakeSample(path_);
  const Ran text = Run({"stat", path_, "--shape"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_TRUE(Contains(text.out, "table \"names\": 300 entries\n    depth 3, pages ")) << text.out;
  EXPECT_TRUE(Contains(text.out, " % scattered; values outside 3, bytes 6144\n")) << text.out;
  EXPECT_TRUE(Contains(text.out, "family \"people\", id 1\n  together depth 3, pages ")) << text.out;
  const json family = json::parse(Run({"stat", path_, "--shape", "--json"}).out)["families"][1];
  EXPECT_EQ(family["entries"], kPeople + 3);
  EXPECT_EQ(family["shape"]["entries"], kPeople + 3);
  const json tables = family["tables"];
  EXPECT_EQ(tables[0]["shape"]["depth"], 3);
  EXPECT_EQ(tables[0]["shape"]["entries"], kPeople);
  EXPECT_GT(tables[0]["shape"]["fill"], 0.3);
  EXPECT_EQ(tables[1]["shape"]["large_values"], 3);
}

// ---- dump -------------------------------------------------------------------------------------------------

TEST_F(ToolsTest, DumpPrintsFamiliesTablesAndKeysAndOnRequestValues) {
  MakeSample(path_);
  const Ran keys = Run({"dump", path_});
  EXPECT_EQ(keys.exit_code, 0) << keys.err;
  EXPECT_EQ(CountOf(keys.out, "    \"person"), static_cast<size_t>(kPeople));
  EXPECT_TRUE(Contains(keys.out, "  table \"names\": 300 entries\n    \"person1000\"\n")) << keys.out;
  EXPECT_FALSE(Contains(keys.out, "value of"));

  const Ran values = Run({"dump", path_, "--values", "--family", "people"});
  EXPECT_TRUE(Contains(values.out, "    \"person1007\" = \"value of person1007\"\n")) << values.out;
  EXPECT_TRUE(Contains(values.out, "\"picture3\" = \"" + LargeValue(64) + "\"... (3072 bytes)"))
      << values.out;
  EXPECT_FALSE(Contains(values.out, "odd"));
}

TEST_F(ToolsTest, DumpTakesNamesAsItPrintsThem) {
  MakeSample(path_);
  const Ran ran =
      Run({"dump", path_, "--family", "odd\\\\\\xff\\x0a", "--table", "t", "--limit", "2", "--values"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(CountOf(ran.out, "    \"k"), 2u) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "\"k0\" = 0x010101")) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "... and 18 more")) << ran.out;

  const Ran no_family = Run({"dump", path_, "--family", "nobody"});
  EXPECT_EQ(no_family.exit_code, 2);
  EXPECT_TRUE(Contains(no_family.err, "kNoSuchColumnFamily")) << no_family.err;
  const Ran no_table = Run({"dump", path_, "--table", "nothing"});
  EXPECT_EQ(no_table.exit_code, 2);
  EXPECT_TRUE(Contains(no_table.err, "kNoSuchTable")) << no_table.err;
  const Ran no_name = Run({"dump", path_, "--family", "odd\\q"});
  EXPECT_EQ(no_name.exit_code, 2);
  EXPECT_TRUE(Contains(no_name.err, "kInvalidArgument")) << no_name.err;
}

TEST_F(ToolsTest, DumpAsJsonIsOneObjectPerLineWithWholeKeysAndValues) {
  MakeSample(path_);
  const std::vector<json> lines = Lines(Run({"dump", path_, "--json", "--values"}).out);
  const auto count = [&](const char* kind) {
    return std::count_if(lines.begin(), lines.end(), [&](const json& line) { return line["kind"] == kind; });
  };
  EXPECT_EQ(count("family"), 2);
  EXPECT_EQ(count("table"), 3);
  EXPECT_EQ(count("entry"), kPeople + 23);
  // The odd family comes first, and its values are no text.
  EXPECT_EQ(lines[2]["family"], "odd\\\\\\xff\\x0a");
  EXPECT_EQ(lines[2]["value"]["hex"].get<std::string>().substr(0, 6), "010101");
  EXPECT_EQ(lines[2]["value"]["hex"].get<std::string>().size(), 100u);
  EXPECT_FALSE(lines[2]["value"].contains("text"));
  EXPECT_EQ(lines.back()["value"]["text"], LargeValue(6 * kPage));
  const json first = Lines(Run({"dump", path_, "--json", "--family", "people", "--limit", "1"}).out)[2];
  EXPECT_EQ(first["key"], json::parse(R"({"hex": "706572736f6e31303030", "text": "person1000"})"));
  EXPECT_FALSE(first.contains("value"));
}

TEST_F(ToolsTest, LargeValuesAreReadOnlyIfAskedFor) {
  MakeSample(path_);
  const std::string bytes = ReadBytes(path_);
  const uint64_t picture = bytes.find(LargeValue(6 * kPage));
  ASSERT_NE(picture, std::string::npos);
  FlipByte(path_, picture + 1000);
  EXPECT_EQ(Run({"dump", path_, "--table", "pictures"}).exit_code, 0);
  const Ran values = Run({"dump", path_, "--table", "pictures", "--values"});
  EXPECT_EQ(values.exit_code, 1);
  EXPECT_TRUE(Contains(values.out, "picture2")) << values.out;
  EXPECT_TRUE(Contains(values.err, "at byte " + std::to_string(picture))) << values.err;
}

TEST_F(ToolsTest, DumpGoesOnWithTheNextTableAfterADamagedOne) {
  MakeSample(path_);
  const uint64_t leaf = PageWith("value of " + PersonKey(77));
  FlipByte(path_, leaf + 300);
  const Ran ran = Run({"dump", path_});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Contains(ran.err, "at byte " + std::to_string(leaf))) << ran.err;
  EXPECT_TRUE(Contains(ran.out, "\"person1000\"")) << ran.out;
  EXPECT_TRUE(Contains(ran.out, "\"picture1\"")) << ran.out;
}

// ---- dump --meta and --log --------------------------------------------------------------------------------

TEST_F(ToolsTest, DumpMetaShowsAllCopies) {
  MakeSample(path_);
  const Ran text = Run({"dump", "--meta", path_});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(CountOf(text.out, ": valid"), 4u) << text.out;
  EXPECT_EQ(CountOf(text.out, ": valid, newest"), 2u) << text.out;
  EXPECT_TRUE(Contains(text.out, "write unit 512\n")) << text.out;

  const json meta = json::parse(Run({"dump", "--meta", path_, "--json"}).out);
  const json stat = json::parse(Run({"stat", path_, "--json"}).out);
  ASSERT_EQ(meta["copies"].size(), 4u);
  for (const json& copy : meta["copies"]) {
    EXPECT_EQ(copy["fields"]["page_size"], 512);
    if (!copy["newest"]) continue;
    EXPECT_EQ(copy["fields"]["clean"], 1);
    EXPECT_EQ(copy["fields"]["txn"], stat["stats"]["commit_number"]);
    EXPECT_EQ(copy["fields"]["page_count"], stat["stats"]["pages_total"]);
  }
}

TEST_F(ToolsTest, DumpMetaShowsWhatDoesNotOpen) {
  MakeSample(path_);
  FlipByte(path_, 0 * 512 + 45);
  FlipByte(path_, 1 * 512 + 3);
  EXPECT_EQ(Run({"stat", path_}).exit_code, 1);
  const Ran text = Run({"dump", "--meta", path_});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_TRUE(
      Contains(text.out, "slot A, copy 0, at byte 0: damaged: the meta page's checksum does not match"))
      << text.out;
  EXPECT_TRUE(Contains(text.out, "slot A, copy 1, at byte 512: not a meta page")) << text.out;
  EXPECT_EQ(CountOf(text.out, ": valid"), 2u) << text.out;
  // Damaged or not, the fields are shown as they are; where nothing is left of a meta page there are none.
  EXPECT_EQ(CountOf(text.out, "  page_size           512\n"), 3u) << text.out;
  EXPECT_EQ(json::parse(Run({"dump", "--meta", "--json", path_}).out)["copies"][0]["verdict"], "damaged");

  WriteBytes(path_, std::string(100, 'x'));  // was none
  EXPECT_EQ(Run({"dump", "--meta", path_}).exit_code, 2);
}

TEST_F(ToolsTest, DumpLogShowsWhatFollowsTheCheckpoint) {
  MakeCrashed(path_);
  const Ran text = Run({"dump", "--log", path_});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(CountOf(text.out, ": follows the checkpoint;"), 5u) << text.out;
  EXPECT_TRUE(Contains(text.out, "select family 1 table 1\n    put \"late4\", value of 10 bytes"))
      << text.out;
  EXPECT_TRUE(Contains(text.out, "5 commits follow the checkpoint")) << text.out;
  EXPECT_TRUE(Contains(text.out, ": old;")) << text.out;
  EXPECT_TRUE(Contains(Run({"dump", "--log", "--values", path_}).out, "put \"late4\" = \"late value\""));

  std::vector<json> following;
  bool follows = false;
  for (const json& line : Lines(Run({"dump", "--log", "--json", "--values", path_}).out)) {
    if (line["kind"] == "group") follows = line["place"] == "follows the checkpoint";
    if (line["kind"] == "commit" && follows) following.push_back(line);
    EXPECT_TRUE(line["kind"] != "end" || line["following_commits"] == 5);
  }
  ASSERT_EQ(following.size(), 5u);
  EXPECT_EQ(following[0]["operations"][1]["operation"], "put");
  EXPECT_EQ(following[0]["operations"][1]["key"]["text"], "late0");
  EXPECT_EQ(following[0]["operations"][1]["value"]["text"], "late value");
}

TEST_F(ToolsTest, TypesOfTablesAreShownWhereverTablesAre) {
  const auto database = OpenSmall(path_ + "-alive");
  const auto family = database->CreateColumnFamily("people");
  auto transaction = database->BeginWrite(*family);
  ASSERT_TRUE(transaction->CreateTable(*family, "ages", {.key = "string", .value = "u8"}));
  ASSERT_TRUE(transaction->CreateTable(*family, "notes", {.key = "u64"}));
  ASSERT_TRUE(transaction->Commit());
  WriteBytes(path_, ReadBytes(path_ + "-alive"));
  WriteBytes(path_ + "-wal", ReadBytes(path_ + "-alive-wal"));

  const std::string ages = "  table \"ages\" of \"string\" to \"u8\": 0 entries\n";
  const std::string notes = "  table \"notes\" of \"u64\" to bytes: 0 entries\n";
  EXPECT_TRUE(Contains(Run({"stat", path_}).out, ages + notes)) << Run({"stat", path_}).out;
  EXPECT_TRUE(Contains(Run({"dump", path_}).out, ages + notes)) << Run({"dump", path_}).out;
  const json stat = json::parse(Run({"stat", "--json", path_}).out);
  EXPECT_EQ(stat["families"][0]["tables"],
            json::parse(R"([{"name": "ages", "entries": 0, "key_type": "string", "value_type": "u8"},
                            {"name": "notes", "entries": 0, "key_type": "u64"}])"));
  EXPECT_EQ(Lines(Run({"dump", "--json", path_}).out)[1]["value_type"], "u8");
  const std::string log = Run({"dump", "--log", path_}).out;
  EXPECT_TRUE(Contains(log, "create_table family 1 table 1 \"ages\" of \"string\" to \"u8\"\n")) << log;
}

TEST_F(ToolsTest, DumpLogShowsATornTailAndDamageInTheMiddle) {
  MakeCrashed(path_);
  const std::vector<uint64_t> offsets = GroupsBehindTheCheckpoint();
  ASSERT_EQ(offsets.size(), 5u);
  const std::string log = path_ + "-wal";
  FlipByte(log, offsets[4] + 100);
  const Ran torn = Run({"dump", "--log", path_});
  EXPECT_EQ(torn.exit_code, 0);
  EXPECT_TRUE(Contains(torn.out, "group at byte " + std::to_string(offsets[4]) + ": not intact;"))
      << torn.out;
  EXPECT_TRUE(Contains(torn.out, "4 commits follow the checkpoint")) << torn.out;
  EXPECT_EQ(Run({"verify", path_}).exit_code, 0);

  FlipByte(log, offsets[1] + 100);
  const Ran damaged = Run({"dump", "--log", path_});
  EXPECT_EQ(damaged.exit_code, 1);
  EXPECT_TRUE(Contains(damaged.out, "group at byte " + std::to_string(offsets[2]) + ": beyond the end;"))
      << damaged.out;
  EXPECT_TRUE(Contains(damaged.out, "damage: the group at byte " + std::to_string(offsets[3])))
      << damaged.out;
  EXPECT_EQ(Run({"verify", path_}).exit_code, 1);
}

TEST_F(ToolsTest, DumpLogShowsALogThatIsAllThatIsLeft) {
  MakeCrashed(path_);
  std::filesystem::remove(path_);
  const Ran alone = Run({"dump", "--log", path_});
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
  EXPECT_TRUE(Contains(alone.out, "where the log begins is not known")) << alone.out;
  EXPECT_TRUE(Contains(alone.out, "put \"late0\"")) << alone.out;

  FlipByte(path_ + "-wal", 20);
  const Ran headless = Run({"dump", "--log", path_});
  EXPECT_EQ(headless.exit_code, 1);
  EXPECT_TRUE(Contains(headless.out, "the log header's checksum does not match")) << headless.out;
  EXPECT_TRUE(Contains(headless.out, "put \"late0\"")) << headless.out;

  const Ran limited = Run({"dump", "--log", "--limit", "1", path_});
  EXPECT_EQ(CountOf(limited.out, "group at byte"), 1u) << limited.out;
  EXPECT_TRUE(Contains(limited.out, "more groups")) << limited.out;
}

}  // namespace
}  // namespace manifolddb::tools
