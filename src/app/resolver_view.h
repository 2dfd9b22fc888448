#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "context.h"
#include "hostspin/hosts_file.h"
#include "hostspin/result.h"
#include "hostspin/worker_lines.h"

namespace hostspin {

/// What this machine's resolver says of one name beside what is pinned. Shown, never acted on.
struct ResolverView {
  enum class State {
    files,    ///< the system's answer is exactly what is pinned
    differs,  ///< it has other addresses
    missing,  ///< the system does not know the name
    stalled,  ///< no answer in time
  };
  std::string name;
  State state = State::stalled;
  std::vector<IPAddress> pinned;
  AskResult files;
  AskResult dns;
  AskResult system;
  /// The families that are not pinned and for which a question stalled or went elsewhere, such as
  /// "inet6".
  std::vector<std::string> one_family;
};
[[nodiscard]] std::string_view resolver_state_name(ResolverView::State state);

/// Asks hostspin-ask about every pinned name: the hosts file alone, DNS alone, the system as
/// configured, and where one family is not pinned for that family. A worker that fails is an error.
Result<std::vector<ResolverView>> ask_resolver(Context& context, const std::vector<Pin>& pins,
                                               std::chrono::milliseconds deadline);

/// After an apply: names that this machine's resolver, asked in a fresh process, does not answer
/// from the pins, and what it says instead. Asked again for as long as systemd-resolved may take to
/// notice a new file.
Result<std::vector<std::string>> check_resolver(Context& context, const std::vector<Pin>& pins);

}  // namespace hostspin
