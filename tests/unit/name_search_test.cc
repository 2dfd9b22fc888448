#include "name_search.h"

#include <algorithm>
#include <random>
#include <string>

#include "catch.h"

namespace hostspin {
namespace {

constexpr std::size_t kNowhere = std::string_view::npos;

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

std::size_t first_of(const std::string& text, const std::vector<std::string_view>& words) {
  std::size_t first = kNowhere;
  for (const std::string_view word : words) first = std::min(first, lower(text).find(word));
  return first;
}

TEST_CASE("a search for names misses none", "[hosts]") {
  std::mt19937 random(20);  // any seed: the same texts each time
  const auto some = [&](std::size_t size, std::string_view letters) {
    std::string text(size, '\0');
    for (char& c : text) c = letters[random() % letters.size()];
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < 1 + random() % 5; ++i) {
      names.push_back(some(1 + random() % 90, round % 2 == 0 ? "ab" : "abc-.1"));
    }
    const std::vector<std::string_view> words(names.begin(), names.end());
    const NameSearch search(words);
    std::string text = some(random() % 400, "aAbB-.1c\n \t");
    if (round % 3 == 0) text.insert(random() % (text.size() + 1), names.back());
    const std::size_t wanted = first_of(text, words);
    const std::size_t found = search.find(text, 0);
    INFO(text);
    CHECK(found <= wanted);  // it may find less than a name, and never goes past one
    for (std::size_t at = found; at < wanted && at != kNowhere;) {
      at = search.find(text, at + 1);
      CHECK(at <= wanted);
    }
  }
}

TEST_CASE("a search for names passes by what is none", "[hosts]") {
  const NameSearch search({"db.example.com", "api.example.com"});
  CHECK(search.find("10.0.0.1 web.example.net web\n# db.example\n", 0) == kNowhere);
  CHECK(search.find("10.0.0.1 DB.Example.COM", 0) == 9);
  CHECK(search.find("10.0.0.1 db.example.com", 10) == kNowhere);
  CHECK(search.find("db.example.com", 14) == kNowhere);
  CHECK(search.find("", 0) == kNowhere);
  CHECK(search.find("db", 1000) == kNowhere);
  CHECK(NameSearch({}).find("db.example.com", 0) == kNowhere);
}

}  // namespace
}  // namespace hostspin
