// get, put, delete, scan, count, load: as a user runs them, and what one prints another reads.

#include "tools/tool_runner.h"

namespace manifolddb::tools {
namespace {

const std::vector<std::string> kNames = {"--family", "people", "--table", "names"};

class EntriesTest : public ToolsTest {
 protected:
  // `command` on the table of people's names.
  static std::vector<std::string> OnNames(const std::string& command, const std::string& path,
                                          const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {command, path};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.insert(arguments.end(), kNames.begin(), kNames.end());
    return arguments;
  }
  Ran OnNames(const std::string& command, const std::vector<std::string>& more) {
    return Run(OnNames(command, path_, more));
  }
  // The sample, made once: that takes hundreds of syncs, and each test wants it as it was.
  void CopySample() {
    static const std::pair<std::string, std::string> sample = [] {
      const TemporaryDirectory directory;
      MakeSample(directory / "db");
      return std::pair(ReadBytes(directory / "db"), ReadBytes(directory / "db-wal"));
    }();
    WriteBytes(path_, sample.first);
    WriteBytes(path_ + "-wal", sample.second);
  }
  // What `dump` says of a database, but for its ids.
  std::vector<json> Contents(const std::string& path) {
    std::vector<json> lines = Lines(RunWriting({"dump", path, "--json", "--values"}).out);
    for (json& line : lines) line.erase("id");
    return lines;
  }
};

// ---- get, scan, count -------------------------------------------------------------------------------------

TEST_F(EntriesTest, GetPrintsAValueInTheFormThatIsAskedFor) {
  CopySample();
  const Ran text = OnNames("get", {"person1007"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_EQ(text.out, "value of person1007\n");
  EXPECT_EQ(OnNames("get", {"person1007", "--raw"}).out, "value of person1007");
  EXPECT_EQ(OnNames("get", {"706572736f6e31303037", "--hex"}).out,
            "76616c7565206f6620706572736f6e31303037\n");
  const json object = json::parse(OnNames("get", {"person1007", "--json"}).out);
  EXPECT_EQ(object["found"], true);
  EXPECT_EQ(object["value"]["text"], "value of person1007");
  EXPECT_EQ(object["table"], "names");

  // Bytes that are no text, in a family whose name is none either.
  const Ran odd = Run({"get", path_, "--family", "odd\\\\\\xff\\x0a", "k3"});
  std::string escaped;
  for (int i = 0; i < 50; ++i) escaped += "\\x01";
  EXPECT_EQ(odd.out, escaped + "\n") << odd.err;
}

TEST_F(EntriesTest, GetOfNothingHasAnExitCodeOfItsOwn) {
  CopySample();
  const Ran none = OnNames("get", {"nobody"});
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_EQ(none.out, "");
  EXPECT_TRUE(Contains(none.err, "no entry \"nobody\" in table \"names\" of column family \"people\""))
      << none.err;
  const Ran parsed = OnNames("get", {"nobody", "--json"});
  EXPECT_EQ(parsed.exit_code, 3);
  EXPECT_EQ(json::parse(parsed.out)["found"], false);
}

TEST_F(EntriesTest, TheOnlyFamilyAndTableNeedNoName) {
  CopySample();
  const Ran family = Run({"get", path_, "k3"});
  EXPECT_EQ(family.exit_code, 2);
  EXPECT_TRUE(Contains(family.err, "--family must say which column family: \"odd")) << family.err;
  const Ran table = Run({"get", path_, "person1007", "--family", "people"});
  EXPECT_EQ(table.exit_code, 2);
  EXPECT_TRUE(Contains(table.err, "--table must say which table: \"names\" \"pictures\"")) << table.err;
  const std::string small = directory_ / "small";
  EXPECT_EQ(RunWriting({"put", small, "k", "v", "--family", "f", "--table", "t", "--create"}).exit_code, 0);
  EXPECT_EQ(RunWriting({"get", small, "k"}).out, "v\n");
  EXPECT_EQ(RunWriting({"put", small, "k", "w"}).exit_code, 0);
  EXPECT_EQ(RunWriting({"scan", small}).out, "k\tw\n");
}

TEST_F(EntriesTest, ScanTakesBoundsDirectionAndLimit) {
  CopySample();
  const auto keys = [&](std::vector<std::string> more) {
    more.emplace_back("--keys");
    return OnNames("scan", more).out;
  };
  EXPECT_EQ(keys({"--from", "person1007", "--before", "person1009"}), "person1007\nperson1008\n");
  EXPECT_EQ(keys({"--after", "person1007", "--through", "person1009"}), "person1008\nperson1009\n");
  EXPECT_EQ(keys({"--prefix", "person129", "--limit", "2"}), "person1290\nperson1291\n");
  EXPECT_EQ(keys({"--reverse", "--limit", "1"}), "person1299\n");
  EXPECT_EQ(keys({"--limit", "0"}), "");
  EXPECT_EQ(CountOf(OnNames("scan", {}).out, "\n"), static_cast<size_t>(kPeople));
  EXPECT_EQ(OnNames("scan", {"--limit", "1"}).out, "person1000\tvalue of person1000\n");
  EXPECT_EQ(OnNames("scan", {"--limit", "1", "--hex"}).out,
            "706572736f6e31303030\t76616c7565206f6620706572736f6e31303030\n");
  const std::vector<json> lines = Lines(OnNames("scan", {"--limit", "2", "--json"}).out);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1]["key"]["text"], "person1001");
  EXPECT_EQ(lines[1]["value"]["text"], "value of person1001");
}

TEST_F(EntriesTest, CountCountsATableOrARangeOfIt) {
  CopySample();
  EXPECT_EQ(OnNames("count", {}).out, "300\n");
  EXPECT_EQ(OnNames("count", {"--prefix", "person12"}).out, "100\n");
  EXPECT_EQ(OnNames("count", {"--prefix", "706572736f6e3132", "--hex"}).out, "100\n");
  const Ran parsed = OnNames("count", {"--after", "person1297", "--json"});
  EXPECT_EQ(json::parse(parsed.out)["entries"], 2);
}

TEST_F(EntriesTest, ReadingReportsDamage) {
  CopySample();
  FlipByte(path_, PageWith("value of " + PersonKey(77)) + 300);
  const Ran ran = OnNames("scan", {});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Contains(ran.out, "person1000\t")) << ran.out;
  EXPECT_TRUE(Contains(ran.err, "kCorrupt")) << ran.err;
  EXPECT_EQ(OnNames("get", {"person1077"}).exit_code, 1);
}

// ---- put, delete ------------------------------------------------------------------------------------------

TEST_F(EntriesTest, PutStoresTextDigitsAndTheStandardInput) {
  CopySample();
  const Ran put = RunWriting(OnNames("put", path_, {"tab\\there", "line\\x0aend"}));
  EXPECT_EQ(put.exit_code, 0) << put.err;
  EXPECT_EQ(put.out, "");
  EXPECT_EQ(OnNames("get", {"tab\\x09here", "--raw"}).out, "line\nend");
  EXPECT_EQ(RunWriting(OnNames("put", path_, {"00FF", "0a", "--hex"})).exit_code, 0);
  EXPECT_EQ(OnNames("get", {"\\x00\\xff"}).out, "\\x0a\n");
  const std::string bytes = std::string("any\0bytes\n\xff", 11);
  const Ran piped = RunWriting(OnNames("put", path_, {"piped", "--json"}), bytes);
  EXPECT_EQ(json::parse(piped.out)["value_bytes"], bytes.size());
  EXPECT_EQ(OnNames("get", {"piped", "--raw"}).out, bytes);
  EXPECT_EQ(RunWriting({"verify", path_}).exit_code, 0);
}

TEST_F(EntriesTest, PutCreatesNothingUnlessTold) {
  EXPECT_EQ(RunWriting(OnNames("put", path_, {"k", "v"})).exit_code, 2);
  EXPECT_FALSE(std::filesystem::exists(path_));
  CopySample();
  const auto put = [&](const std::string& family, const std::string& table, bool create) {
    std::vector<std::string> arguments = {"put", path_, "k", "v", "--family", family, "--table", table};
    if (create) arguments.emplace_back("--create");
    return RunWriting(arguments);
  };
  EXPECT_TRUE(Contains(put("new", "t", false).err, "kNoSuchColumnFamily"));
  EXPECT_TRUE(Contains(put("people", "new", false).err, "kNoSuchTable"));
  EXPECT_EQ(put("new", "t", true).exit_code, 0);
  EXPECT_EQ(put("new", "t", true).exit_code, 0);
  EXPECT_EQ(Run({"get", path_, "k", "--family", "new"}).out, "v\n");
}

TEST_F(EntriesTest, DeleteTakesKeysOrARangeAndSaysHowMany) {
  CopySample();
  const Ran keys = RunWriting(OnNames("delete", path_, {"person1001", "nobody", "person1003"}));
  EXPECT_EQ(keys.exit_code, 0) << keys.err;
  EXPECT_EQ(keys.out, "2 entries deleted\n");
  EXPECT_EQ(RunWriting(OnNames("delete", path_, {"person1001"})).exit_code, 3);
  const Ran range = RunWriting(OnNames("delete", path_, {"--prefix", "person12", "--json"}));
  EXPECT_EQ(json::parse(range.out)["deleted"], 100);
  EXPECT_EQ(OnNames("count", {}).out, "198\n");
  EXPECT_EQ(RunWriting(OnNames("delete", path_, {"--all"})).out, "198 entries deleted\n");
  EXPECT_EQ(OnNames("count", {}).out, "0\n");
}

TEST_F(EntriesTest, DeleteOfNothingNamedOrOfTooMuchIsRefused) {
  CopySample();
  const std::vector<std::vector<std::string>> wrong = {
      {}, {"person1001", "--all"}, {"person1001", "--prefix", "p"}, {"--all", "--from", "p"}};
  for (const auto& more : wrong) {
    const Ran ran = OnNames("delete", more);
    EXPECT_EQ(ran.exit_code, 2);
    EXPECT_TRUE(Contains(ran.err, "kInvalidArgument")) << ran.err;
  }
}

TEST_F(EntriesTest, BytesThatAreNoneAreRefusedBeforeAnythingIsOpened) {
  const Ran text = RunWriting({"put", path_, "a\\q", "v", "--create"});
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_TRUE(Contains(text.err, "the key 'a\\q' is none as this tool prints them")) << text.err;
  const Ran hex = RunWriting({"put", path_, "0a", "abc", "--hex", "--create"});
  EXPECT_TRUE(Contains(hex.err, "the value 'abc', given as hexadecimal")) << hex.err;
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(EntriesTest, KeysThatLookLikeSyntaxAreKeys) {
  const std::vector<std::string> keys = {"[x]", "[]", R"(["a","b"])", "[[x]]", "++", "{}", "", "x"};
  const auto create = {"--family", "f", "--table", "t", "--create"};
  for (const std::string& key : keys) {
    std::vector<std::string> put = {"put", path_, key, "[v,w]"};
    put.insert(put.end(), create.begin(), create.end());
    EXPECT_EQ(RunWriting(put).exit_code, 0) << key;
    EXPECT_EQ(Run({"get", path_, key}).out, "[v,w]\n") << key;
  }
  EXPECT_EQ(RunWriting({"delete", path_, "[x]"}).out, "1 entry deleted\n");
  EXPECT_EQ(Run({"get", path_, "x"}).exit_code, 0);
  EXPECT_EQ(RunWriting({"delete", path_, "[]", "++", R"(["a","b"])", "[[x]]", "{}", ""}).out,
            "6 entries deleted\n");
  EXPECT_EQ(Run({"scan", path_, "--keys"}).out, "x\n");
  EXPECT_TRUE(Contains(Run({"check", "[a,b]"}).err, "[a,b]"));
  const Ran surplus = Run({"count", path_, "[x]"});
  EXPECT_EQ(surplus.exit_code, 2);
  EXPECT_TRUE(Contains(surplus.err, "[x]\n")) << surplus.err;
}

TEST_F(EntriesTest, AClosedStandardStreamIsNoFileOfTheDatabase) {
  const std::vector<std::string> put = {"put", path_, "k", "v", "--family", "f", "--table", "t", "--create"};
  EXPECT_EQ(RunWith("<&- >&- 2>&-", put).exit_code, 0);
  const Ran load = RunWith("<&-", {"load", path_});
  EXPECT_EQ(load.exit_code, 2);
  EXPECT_TRUE(Contains(load.err, "kIo")) << load.err;
  const Ran piped = RunWith("<&-", {"put", path_, "piped"});
  EXPECT_TRUE(Contains(piped.err, "kIo in tools.put: standard input")) << piped.err;
  EXPECT_TRUE(Contains(RunWith("</", {"put", path_, "piped"}).err, "kIo in tools.put: standard input"));
  EXPECT_EQ(RunWith("<&- >&-", {"scan", path_}).exit_code, 2);
  EXPECT_EQ(Run({"scan", path_}).out, "k\tv\n");
  EXPECT_EQ(Run({"verify", path_}).exit_code, 0);
}

TEST_F(EntriesTest, PutCreatesNoDatabaseWithoutNamesForATable) {
  const Ran unnamed = RunWriting({"put", path_, "k", "v", "--create", "--family", "f"});
  EXPECT_EQ(unnamed.exit_code, 2);
  EXPECT_TRUE(Contains(unnamed.err, "give --family and --table")) << unnamed.err;
  const Ran wrong = RunWriting({"put", path_, "k", "v", "--create", "--family", "\\q", "--table", "t"});
  EXPECT_TRUE(Contains(wrong.err, "the name '\\q'")) << wrong.err;
  EXPECT_FALSE(std::filesystem::exists(path_));
  const Ran long_key = RunWriting({"put", path_, std::string(1000, 'k') + "\\q", "v"});
  EXPECT_TRUE(Contains(long_key.err, "kkk... (1002 bytes)' is none")) << long_key.err;
  EXPECT_LT(long_key.err.size(), 400u);
}

TEST_F(EntriesTest, NumbersAreDecimalAndFit) {
  CopySample();
  EXPECT_EQ(CountOf(OnNames("scan", {"--limit", "010"}).out, "\n"), 10u);
  EXPECT_EQ(CountOf(OnNames("scan", {"--limit", "18446744073709551615"}).out, "\n"), 300u);
  for (const std::string number : {"18446744073709551616", "-1", "0x10", "1e3", " 1", ""}) {
    const Ran scan = OnNames("scan", {"--limit=" + number});
    EXPECT_EQ(scan.exit_code, 2) << number;
    EXPECT_EQ(Run({"load", path_, "--batch=" + number}).exit_code, 2) << number;
    EXPECT_EQ(Run({"dump", path_, "--limit=" + number}).exit_code, 2) << number;
  }
  EXPECT_EQ(Run({"load", path_, "--batch", "0"}).exit_code, 2);
}

// ---- load -------------------------------------------------------------------------------------------------

TEST_F(EntriesTest, WhatDumpPrintsLoadReads) {
  {
    const auto database = OpenSmall(path_);
    FillSample(*database);
    const auto family = database->OpenColumnFamily("people");
    auto transaction = database->BeginWrite(*family);
    ASSERT_TRUE(transaction->CreateTable(*family, "ages", {.key = "string", .value = "u8"}));
    ASSERT_TRUE(transaction->Commit());
    ASSERT_TRUE(database->Close());
  }
  const std::string copy = directory_ / "copy";
  const std::string dumped = Run({"dump", path_, "--json", "--values"}).out;
  const Ran loaded = RunWriting({"load", copy, "--json"}, dumped);
  EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
  const json report = json::parse(loaded.out);
  EXPECT_EQ(report["entries"], kPeople + 23);
  EXPECT_EQ(report["tables_created"], 4);
  EXPECT_EQ(Contents(copy), Contents(path_));
  EXPECT_EQ(RunWriting({"verify", copy}).exit_code, 0);
  // Once more is no change.
  EXPECT_EQ(json::parse(RunWriting({"load", copy, "--json"}, dumped).out)["tables_created"], 0);
  EXPECT_EQ(Contents(copy), Contents(path_));
}

TEST_F(EntriesTest, WhatScanPrintsLoadReadsInEveryForm) {
  CopySample();
  const std::vector<std::string> from = {"scan", path_, "--family", "odd\\\\\\xff\\x0a", "--table", "t"};
  const std::vector<std::vector<std::string>> forms = {{}, {"--hex"}, {"--json"}};
  for (size_t i = 0; i < forms.size(); ++i) {
    const std::string copy = directory_ / ("copy" + std::to_string(i));
    std::vector<std::string> scan = from;
    scan.insert(scan.end(), forms[i].begin(), forms[i].end());
    const std::string file = directory_ / "lines";
    WriteBytes(file, Run(scan).out);
    std::vector<std::string> load = {"load", copy, file, "--family", "odd\\\\\\xff\\x0a", "--table", "t"};
    if (i == 1) load.emplace_back("--hex");
    const Ran ran = RunWriting(load);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_TRUE(Contains(ran.out, "copy" + std::to_string(i) + ": 20 entries loaded")) << ran.out;
    std::vector<std::string> again = from;
    again[1] = copy;
    EXPECT_EQ(RunWriting(again).out, Run(from).out);
  }
}

TEST_F(EntriesTest, LoadTakesWhatOtherProgramsWrite) {
  const std::string lines = R"({"family": "f", "table": "t", "key": "a", "value": "Stra\u00dfe\n"})"
                            "\n"
                            R"({"key": {"text": "b"}, "value": {"hex": "00ff"}})"
                            "\n"
                            R"({"kind": "table", "family": "f", "table": "empty", "key_type": "u64"})"
                            "\n";
  const Ran ran = RunWriting({"load", path_, "--family", "f", "--table", "t"}, lines);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(Run({"scan", path_, "--table", "t"}).out, "a\tStra\u00dfe\\x0a\nb\t\\x00\\xff\n");
  EXPECT_TRUE(Contains(Run({"stat", path_}).out, "table \"empty\" of \"u64\" to bytes: 0 entries"));
}

TEST_F(EntriesTest, LoadCommitsInBatchesAndSaysWhereItStopped) {
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += "k" + std::to_string(i) + "\tv\n";
  const std::vector<std::string> load = {"load", path_,     "--family", "f",     "--table",
                                         "t",    "--batch", "4",        "--json"};
  EXPECT_EQ(json::parse(RunWriting(load, lines).out)["commits"], 3);
  const Ran ran = RunWriting(load, lines + "no tab\n");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(Contains(ran.err, "line 11: no tab between a key and a value; lines 1 to 8 are stored"))
      << ran.err;
  EXPECT_EQ(RunWriting({"load", path_}, "k\tv\n").exit_code, 0);  // into the only table
  EXPECT_EQ(Run({"count", path_}).out, "11\n");
  const Ran unnamed = RunWriting({"load", directory_ / "new"}, "k\tv\n");
  EXPECT_TRUE(Contains(unnamed.err, "line 1: it names no column family: give --family")) << unnamed.err;
}

TEST_F(EntriesTest, LoadMakesNoDatabaseOfWhatCannotBeLoaded) {
  const std::string fine = "a\tv\n";
  const std::vector<std::string> bare = {"load", path_};
  const std::vector<std::string> named = {"load", path_, "--family", "f", "--table", "t"};
  const std::vector<std::string> odd = {"load", path_, "--family", std::string(65, 'f'), "--table", "t"};
  const std::string long_type = std::string(256, 'k');
  const std::vector<std::pair<std::vector<std::string>, std::string>> wrong = {
      {bare, fine},
      {bare, R"({"family":"f","key":"a","value":"b"})"},
      {named, "no tab\n"},
      {named, fine + "no tab\n"},
      {named, fine + "cut\tshort"},
      {named, fine + std::string(2049, 'k') + "\tv\n"},
      {named, R"({"kind":"table","key_type":")" + long_type + "\"}\n"},
      {named, "{\"kind\":\"table\",\"key_type\":\"u8\"}\n{\"kind\":\"table\",\"key_type\":\"u16\"}\n"},
      {named, "{\"key\":\"a\",\"value\":\"b\"}\n{\"kind\":\"table\",\"value_type\":\"u8\"}\n"},
      {odd, fine},
      {bare, R"({"kind":"family","family":""})"}};
  for (const auto& [arguments, input] : wrong) {
    const Ran ran = RunWriting(arguments, input);
    EXPECT_EQ(ran.exit_code, 2) << input;
    EXPECT_TRUE(Contains(ran.err, "no entry is stored")) << ran.err;
    EXPECT_FALSE(std::filesystem::exists(path_)) << input;
    EXPECT_FALSE(std::filesystem::exists(path_ + "-wal")) << input;
  }
  // Lines that agree are no contradiction.
  EXPECT_EQ(RunWriting({"load", directory_ / "agreed", "--family", "f", "--table", "t"},
                       "{\"kind\":\"table\",\"key_type\":\"u8\"}\n{\"key\":\"a\",\"value\":\"b\"}\n"
                       "{\"kind\":\"table\",\"key_type\":\"u8\"}\n")
                .exit_code,
            0);
  // What is stored stays, and nothing in it is of no use.
  EXPECT_EQ(RunWriting({"load", path_, "--family", "f", "--table", "t", "--batch", "1"}, fine + "no tab\n")
                .exit_code,
            2);
  EXPECT_EQ(Run({"scan", path_}).out, fine);
  const std::string empty = directory_ / "empty";
  EXPECT_EQ(RunWriting({"load", empty}).exit_code, 0);
  EXPECT_EQ(Run({"dump", empty, "--json"}).out, "");
  // The longest that is one, in a database of its own.
  EXPECT_EQ(RunWriting({"load", directory_ / "long", "--family", "f", "--table", "t"},
                       std::string(2048, 'k') + "\tv\n")
                .exit_code,
            0);
}

TEST_F(EntriesTest, LoadRefusesLinesThatItWouldHaveToGuess) {
  const auto refused = [&](const std::string& line, const std::string& why) {
    const Ran ran = RunWriting({"load", path_, "--family", "f", "--table", "t", "--format", "json"}, line);
    EXPECT_EQ(ran.exit_code, 2) << line;
    EXPECT_TRUE(Contains(ran.err, why)) << ran.err;
  };
  refused("key\tvalue\n", "no JSON object; --format tsv reads");
  refused("{\"key\": \"k\"", "no JSON object");
  refused("{\"key\": \"k\"}", "an entry without \"value\": dump prints it with --values");
  refused("{\"value\": \"k\"}", "an entry without \"key\"");
  refused("{\"key\": 1, \"value\": \"v\"}", "\"key\" is neither a string nor an object");
  refused("{\"key\": {\"hex\": \"0\"}, \"value\": \"v\"}", "not an even number");
  refused("{\"kind\": \"end\"}", "\"kind\" is none of");
  refused("{\"family\": 1, \"key\": \"k\", \"value\": \"v\"}", "\"family\" is no string");
  refused("{\"kind\": \"table\", \"key_type\": \"u8\"}\n{\"kind\": \"table\", \"key_type\": \"u16\"}\n",
          "kTypeMismatch");
  refused(R"({"key": "a", "key": "b", "value": "v"})", "\"key\" is there twice");
  refused(R"({"key": {"hex": "61", "hex": "62"}, "value": "v"})", "\"hex\" is there twice");
  refused(R"({"key": {"hex": "61", "text": "b"}, "value": "v"})", "\"hex\" and \"text\" of \"key\" differ");
  refused(R"({"key": {"hex": 61, "text": "b"}, "value": "v"})", "\"key\" is neither a string nor an object");
  const Ran missing = RunWriting({"load", path_, directory_ / "nowhere"});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_TRUE(Contains(missing.err, "kNotFound")) << missing.err;
}

TEST_F(EntriesTest, LoadRefusesColumnsThatScanDoesNotPrint) {
  const auto refused = [&](const std::string& lines, const std::string& why) {
    const Ran ran = RunWriting({"load", path_, "--family", "f", "--table", "t"}, lines);
    EXPECT_EQ(ran.exit_code, 2) << lines;
    EXPECT_TRUE(Contains(ran.err, why)) << ran.err;
  };
  refused("k\tv\r\n",
          "line 1: a control character, byte 4 of it: as part of a key or value it is written \\x0d");
  refused("k\tv\tw\n", "\\x09");
  refused("k\tv\nl\tcut",
          "line 2: it has no line end, so the input may have been cut in it; no entry is stored");
  refused("\nk\tv\n", "line 1: it does not show the format: give --format");
  refused("\xef\xbb\xbf{\"key\":\t\"k\"}\n", "it does not show the format");
  refused(std::string(1 << 20, 'k'), "kLimit");
  EXPECT_FALSE(std::filesystem::exists(path_));
  // A long line is one as long as it may be one.
  const std::string value(200'000, 'v');
  EXPECT_EQ(RunWriting({"load", path_, "--family", "f", "--table", "t"}, "k\t" + value + "\n").exit_code, 0);
  EXPECT_EQ(Run({"get", path_, "k"}).out, value + "\n");
}

TEST_F(EntriesTest, WhatScanPrintsLoadReadsWhateverItBeginsWith) {
  const std::vector<std::string> names = {"--family", "f", "--table", "t"};
  const auto with = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), names.begin(), names.end());
    return arguments;
  };
  for (const std::string key : {"{\"key\":1}", "\xef\xbb\xbfk", "[", ""}) {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + "-wal");
    EXPECT_EQ(RunWriting(with({"put", path_, key, "v", "--create"})).exit_code, 0);
    const std::string copy = directory_ / "copy" + std::to_string(key.size());
    EXPECT_EQ(RunWriting(with({"load", copy}), Run({"scan", path_}).out).exit_code, 0) << key;
    EXPECT_EQ(RunWriting({"get", copy, key}).out, "v\n") << key;
  }
}

TEST_F(EntriesTest, AnErrorOfTheDatabaseIsToldAsOne) {
  const std::string long_key(10'000, 'k');
  const std::vector<std::string> load = {"load", path_, "--family", "f", "--table", "t", "--batch", "2"};
  const Ran ran = RunWriting(load, "a\tv\nb\tv\nc\tv\n" + long_key + "\tv\n");
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(Contains(ran.err, "kKeyTooLong")) << ran.err;
  EXPECT_FALSE(Contains(ran.err, "tools.load")) << ran.err;
  EXPECT_TRUE(Contains(ran.err, " 4 of standard input; lines 1 to 2 are stored")) << ran.err;
}

}  // namespace
}  // namespace manifolddb::tools
