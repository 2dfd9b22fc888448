#include "landlock.h"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptor.h"

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

constexpr int kAbiTruncate = 3;
constexpr int kAbiNet = 4;
constexpr int kAbiIoctl = 5;
constexpr int kAbiScope = 6;

std::uint64_t file_rights(int abi) {
  std::uint64_t rights =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
      LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
      LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
      LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
      LANDLOCK_ACCESS_FS_MAKE_SYM;
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= kAbiTruncate) rights |= kFileTruncate;
  if (abi >= kAbiIoctl) rights |= kFileIoctl;
  return rights;
}

// Older kernels know a shorter structure; what they do not know must be absent, or zero.
Descriptor create_ruleset(const RulesetAttributes& attributes) {
  std::size_t size = sizeof attributes;
  if (attributes.scoped == 0) size -= sizeof attributes.scoped;
  if (attributes.scoped == 0 && attributes.net == 0) size -= sizeof attributes.net;
  return Descriptor(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
}

bool restrict_self(const Descriptor& ruleset) {
  return ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) == 0;
}

}  // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

bool landlock_everything(int abi) {
  RulesetAttributes attributes{};
  attributes.files = file_rights(abi);
  if (abi >= kAbiNet) attributes.net = kNetBind;
  if (abi >= kAbiScope) attributes.scoped = kScopeAbstractUnix | kScopeSignal;
  const Descriptor ruleset = create_ruleset(attributes);
  return ruleset && restrict_self(ruleset);
}

bool landlock_ports(const std::set<std::uint16_t>& ports) {
  if (landlock_abi() < kAbiNet) return false;
  RulesetAttributes attributes{};
  attributes.net = kNetConnect;
  const Descriptor ruleset = create_ruleset(attributes);
  if (!ruleset) return false;
  for (const std::uint16_t port : ports) {
    const PortAttributes rule{kNetConnect, port};
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), kRuleNetPort, &rule, 0) != 0) return false;
  }
  return restrict_self(ruleset);
}

}  // namespace hostspin
