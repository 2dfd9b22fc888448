#include "import_draft.h"
#include "words.h"

namespace hostspin::desk {

Result<FoundList> read_dig(std::string_view bytes) {
  FoundList found;
  for (const std::string_view line : lines_of(bytes)) {
    if (line.starts_with(';')) continue;
    const std::vector<std::string> words = split_blanks(line);
    // NAME [TTL] IN TYPE VALUE
    for (std::size_t at = 1; at + 2 < words.size() && at <= 2; ++at) {
      if (words[at] != "IN") continue;
      const std::string& type = words[at + 1];
      if (type == "A" || type == "AAAA") found.push_back({words[0], words[at + 2], "", {}, {}});
      if (type == "CNAME") found.push_back({words[0], "", words[at + 2], {}, {}});
    }
  }
  if (found.empty()) {
    return {Errc::usage, "there is no A, AAAA or CNAME record in it",
            "save what dig prints without +short, as in: dig db.example.com > FILE"};
  }
  return found;
}

Result<FoundList> read_hosts(std::string_view bytes) {
  FoundList found;
  for (const std::string_view line : lines_of(bytes)) {
    const std::vector<std::string> words = split_blanks(line.substr(0, line.find('#')));
    if (words.size() < 2) continue;
    // Every name of the line gets the address; whether they are aliases of each other, nobody says.
    for (std::size_t at = 1; at < words.size(); ++at) {
      found.push_back({words[at], words[0], "", {}, {}});
    }
  }
  if (found.empty()) {
    return {Errc::usage, "there is no line with an address and a name in it",
            "give a file in the format of hosts(5)"};
  }
  return found;
}

}  // namespace hostspin::desk
