#include "landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

namespace hostspin {
namespace {

// Of <linux/landlock.h> after 6.1, which the oldest supported distribution has; the numbers are
// ABI.
constexpr std::uint64_t kFileTruncate = 1U << 14U;      // ABI 3
constexpr std::uint64_t kNetBind = 1U << 0U;            // ABI 4
constexpr std::uint64_t kNetConnect = 1U << 1U;         // ABI 4
constexpr std::uint64_t kFileIoctl = 1U << 15U;         // ABI 5
constexpr std::uint64_t kScopeAbstractUnix = 1U << 0U;  // ABI 6
constexpr std::uint64_t kScopeSignal = 1U << 1U;        // ABI 6
constexpr int kRuleNetPort = 2;

struct RulesetAttributes {
  std::uint64_t files;
  std::uint64_t net;
  std::uint64_t scoped;
};
struct PortAttributes {
  std::uint64_t allowed;
  std::uint64_t port;
};

constexpr std::uint16_t kDnsPort = 53;

constexpr int kAbiTruncate = 3;
constexpr int kAbiIoctl = 5;
constexpr int kAbiScope = 6;

// What is handled, and by no rule allowed.
std::uint64_t file_rights(int abi, Program program) {
  std::uint64_t rights =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
      LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
      LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
      LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (program == Program::net) {
    rights |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  }
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= kAbiTruncate) rights |= kFileTruncate;
  if (abi >= kAbiIoctl) rights |= kFileIoctl;
  return rights;
}

// Takes on `attributes` with `ports` as the one thing that they allow.
bool restrict_self(const RulesetAttributes& attributes, const std::set<std::uint16_t>& ports) {
  // Older kernels know a shorter structure; what they do not know must be absent, or zero.
  std::size_t size = sizeof attributes;
  if (attributes.scoped == 0) size -= sizeof attributes.scoped;
  if (attributes.scoped == 0 && attributes.net == 0) size -= sizeof attributes.net;
  const auto ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return false;
  bool done = true;
  for (const std::uint16_t port : ports) {
    const PortAttributes rule{kNetConnect, port};
    done = done && ::syscall(SYS_landlock_add_rule, ruleset, kRuleNetPort, &rule, 0) == 0;
  }
  done = done && ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  (void)::close(ruleset);
  return done;
}

}  // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

bool landlock_files(int abi, Program program) {
  RulesetAttributes attributes{};
  attributes.files = file_rights(abi, program);
  if (abi >= kLandlockAbiPorts) attributes.net = kNetBind;
  if (abi >= kAbiScope) attributes.scoped = kScopeAbstractUnix | kScopeSignal;
  if (program == Program::ask && abi >= kLandlockAbiPorts) {
    attributes.net |= kNetConnect;
    return restrict_self(attributes, {kDnsPort});
  }
  return restrict_self(attributes, {});
}

bool landlock_ports(const std::set<std::uint16_t>& ports) {
  if (landlock_abi() < kLandlockAbiPorts) return false;
  RulesetAttributes attributes{};
  attributes.net = kNetConnect;
  return restrict_self(attributes, ports);
}

}  // namespace hostspin
