#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace hostspin {

/// Another program known to write hosts files, by what it leaves in them.
struct CoTenant {
  std::string_view name;    ///< "the Google guest agent"
  std::string_view marker;  ///< text of one line
  bool whole_file = false;  ///< it writes the file anew, and so without the block
  std::string_view habit;   ///< when and how it writes
  std::string_view remedy;
};

/// A co-tenant's marker in a file.
struct FoundCoTenant {
  const CoTenant* tenant = nullptr;
  std::size_t line = 0;  ///< 1-based, the first with its marker
};

/// Who else writes this file, each once, in the file's order. A managed block holds no such marker.
[[nodiscard]] std::vector<FoundCoTenant> find_co_tenants(std::string_view bytes);

/// The name of the one to blame for a revert that left `bytes`: one that writes the whole file
/// before one that edits it; "unknown writer" where no marker tells.
[[nodiscard]] std::string_view name_writer(std::string_view bytes);

}  // namespace hostspin
