// Bytes as text: what is printed can be read back, and is never anything that a terminal or a parser chokes
// on.

#include "tools/text.h"

#include <gtest/gtest.h>

namespace manifolddb::tools {
namespace {

using namespace std::string_literals;

TEST(ToolsText, TextIsPrintedAsItIs) {
  EXPECT_EQ(Escape("a key, Stra\u00dfe \u20ac \U0001f600"), "a key, Stra\u00dfe \u20ac \U0001f600");
  EXPECT_EQ(Quoted("say \"hi\""), "\"say \\\"hi\\\"\"");
  EXPECT_EQ(Unescape("say \\\"hi\\\""), "say \"hi\"");
}

TEST(ToolsText, EveryByteIsEscapedAndComesBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::string escaped = Escape(all);
  EXPECT_TRUE(IsPrintable(escaped));
  EXPECT_EQ(Unescape(escaped), all);
  EXPECT_NE(escaped.find("\\x00\\x01"), std::string::npos);
  EXPECT_NE(escaped.find("[\\\\]"), std::string::npos);
  EXPECT_NE(escaped.find("~\\x7f\\x80"), std::string::npos);
}

TEST(ToolsText, AnEscapeThatIsNoneIsRefused) {
  for (const char* text : {"\\", "a\\x", "\\x1", "\\xg0", "\\q", "\\x1G"})
    EXPECT_FALSE(Unescape(text)) << text;
  EXPECT_EQ(Unescape("\\x0ab\\\\"), "\nb\\");
}

TEST(ToolsText, TheUsualEscapesOfOtherProgramsAreTaken) {
  EXPECT_EQ(Unescape("a\\tb\\nc\\rd\\\\t"), "a\tb\nc\rd\\t");
}

TEST(ToolsText, HexadecimalComesBackAndNothingElseIsTaken) {
  EXPECT_EQ(FromHex(Hex(AsBytes("\0\x7f\xff k"s))), "\0\x7f\xff k"s);
  EXPECT_EQ(FromHex("4aBf"), "J\xbf");
  EXPECT_EQ(FromHex(""), "");
  for (const char* text : {"4", "4g", "0x41", "41 "}) EXPECT_FALSE(FromHex(text)) << text;
}

TEST(ToolsText, WhatIsNotUtf8IsNotPrintable) {
  const std::string bad[] = {"\xff"s,         "\xc0\x80"s,         "\xe2\x82"s,
                             "\xed\xa0\x80"s, "\xf5\x80\x80\x80"s, "\x80"s,
                             "\xc2\x85"s,     "\xf0\x80\x80\x80"s, "\xf4\x90\x80\x80"s,
                             "\xe0\x80\x80"s, "tab\there"s,        "\x1b[31mred"s,
                             "nul\0"s};
  for (const std::string& text : bad) {
    EXPECT_FALSE(IsPrintable(text)) << Hex(AsBytes(text));
    EXPECT_FALSE(JsonBytes(AsBytes(text)).contains("text"));
    EXPECT_TRUE(IsPrintable(Printable(text)));
  }
  EXPECT_TRUE(IsPrintable(""));
}

TEST(ToolsText, NumbersAreShownAsDigitsAndLongTextIsCut) {
  EXPECT_EQ(Shown(AsBytes("\0\0\0\0\0\0\1\2"s), 64), "0x0000000000000102");
  EXPECT_EQ(Shown(AsBytes("key\0"s), 64), "\"key\\x00\"");
  EXPECT_EQ(Shown(AsBytes(""), 64), "\"\"");
  EXPECT_EQ(Shown(AsBytes("abcdef"), 3), "\"abc\"... (6 bytes)");
  EXPECT_EQ(Shown(AsBytes("ab\u20ac"), 4), "\"ab\\xe2\\x82\"... (5 bytes)");
}

TEST(ToolsText, JsonHasBothForms) {
  EXPECT_EQ(JsonBytes(AsBytes("hi")).dump(), R"({"hex":"6869","text":"hi"})");
  EXPECT_EQ(JsonBytes(AsBytes("\xff")).dump(), R"({"hex":"ff"})");
}

}  // namespace
}  // namespace manifolddb::tools
