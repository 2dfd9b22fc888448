#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
    dns,      ///< it is what DNS says, and not what is pinned
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

struct ResolverFindings {
  std::vector<ResolverView> views;
  /// Those configured on this machine; absent where there was no time to tell.
  std::optional<std::vector<DnsServer>> servers;
  /// Why hostspin-ask did not finish; names that it left open are no views then. Empty if it did.
  std::string failure;
  bool no_glibc =
      false;  ///< hostspin-ask cannot start here; nothing has failed, and there are no views
};
[[nodiscard]] std::string_view dns_server_state_name(DnsServer::State state);

/// Questions to hostspin-ask about every pinned name: the hosts file alone, DNS alone, the system
/// as configured, and where one family is not pinned for that family; and whether each DNS server
/// is alive. They are asked while the caller does something else.
class ResolverInquiry {
 public:
  enum class Scope { system_alone, everything };

  /// Errc::worker_failed where there is no hostspin-ask to be had, Errc::not_found where this
  /// machine lacks the glibc that it needs; on some that shows only when it answers (`no_glibc`).
  static Result<ResolverInquiry> start(Context& context, const std::vector<Pin>& pins,
                                       std::chrono::milliseconds deadline,
                                       Scope scope = Scope::everything);
  /// Waits for the answers, until the deadline that start() was given. What is open by then is
  /// `stalled`; what a worker that failed had answered is kept.
  ResolverFindings collect();

 private:
  /// Which question of which name an id stands for.
  struct Question {
    std::size_t view = 0;
    enum class Kind { files, dns, system, one_family, servers } kind = Kind::system;
    std::string family;
  };

  explicit ResolverInquiry(Console& console) : console_(&console) {}
  Result<void> ask_all(Scope scope);
  void take(AskResult answer);
  void leave_out_open();

  Console* console_;
  std::chrono::steady_clock::time_point limit_;
  std::unique_ptr<AskSession> ask_;
  std::map<std::uint32_t, Question> open_;
  ResolverFindings findings_;
};

/// After an apply: names that this machine's resolver, asked in a fresh process, does not answer
/// from the pins, and what it says instead. Asked again for as long as systemd-resolved may take to
/// notice a new file.
Result<std::vector<std::string>> check_resolver(Context& context, const std::vector<Pin>& pins);

}  // namespace hostspin
