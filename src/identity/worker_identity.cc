#include "worker_identity.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

namespace hostspin {
namespace {

constexpr std::size_t kPasswdFields = 7;
constexpr std::uint32_t kNobody = 65534;  // whom daemons, NFS and user namespaces share
constexpr std::string_view kOurPrograms = "hostspin";  // and what begins so

struct Account {
  std::string_view name;
  Identity identity;
};

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result parsed = std::from_chars(text.data(), end, id);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return id;
}

std::optional<Account> parse_account(std::string_view line) {
  std::array<std::string_view, kPasswdFields> fields;
  for (std::size_t i = 0; i < kPasswdFields; ++i) {
    const std::size_t colon = line.find(':');
    const bool is_last = i + 1 == kPasswdFields;
    if (is_last != (colon == std::string_view::npos)) return std::nullopt;
    fields[i] = line.substr(0, colon);
    if (!is_last) line.remove_prefix(colon + 1);
  }
  const std::optional<std::uint32_t> uid = parse_id(fields[2]);
  const std::optional<std::uint32_t> gid = parse_id(fields[3]);
  if (!uid || !gid) return std::nullopt;
  return Account{fields[0], {*uid, *gid}};
}

std::vector<Account> accounts_of(std::string_view passwd) {
  std::vector<Account> accounts;
  while (!passwd.empty()) {
    const std::size_t end = std::min(passwd.find('\n'), passwd.size());
    if (std::optional<Account> account = parse_account(passwd.substr(0, end)); account) {
      accounts.push_back(*account);
    }
    passwd.remove_prefix(std::min(end + 1, passwd.size()));
  }
  return accounts;
}

bool is_everybodys(std::uint32_t id) { return id == 0 || id == kNobody; }

bool is_shared(std::uint32_t user, const std::vector<Account>& accounts) {
  return is_everybodys(user) ||
         std::any_of(accounts.begin(), accounts.end(), [user](const Account& account) {
           return account.name != kWorkerUser && account.identity.user == user;
         });
}

/// The first of our numbers that neither a line of passwd nor `in_use` has.
std::optional<std::uint32_t> free_id(const std::vector<Account>& accounts,
                                     const std::set<std::uint32_t>& in_use) {
  for (std::uint32_t id = kWorkerIdFirst; id <= kWorkerIdLast; ++id) {
    const bool named = std::any_of(accounts.begin(), accounts.end(), [id](const Account& account) {
      return account.identity.user == id || account.identity.group == id;
    });
    if (!named && !in_use.contains(id)) return id;
  }
  return std::nullopt;
}

std::string read_bounded(int fd, std::size_t bytes_max) {
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < bytes_max) {
    const ssize_t size = ::read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(size));
  }
  return text;
}

std::string read_file_at(int directory, const std::string& path, std::size_t bytes_max) {
  const int fd = ::openat(directory, path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return {};
  std::string text = read_bounded(fd, bytes_max);
  (void)::close(fd);  // read only: nothing can be lost
  return text;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

/// The users within our numbers whose processes are not workers of another hostspin. Only root can
/// have given such a number to a process, so a name is proof enough.
std::set<std::uint32_t> ids_in_use() {
  std::set<std::uint32_t> in_use;
  const std::unique_ptr<DIR, CloseDirectory> processes(::opendir("/proc"));
  if (!processes) return in_use;
  const int directory = ::dirfd(processes.get());
  while (const dirent* entry = ::readdir(processes.get())) {
    const std::string process = entry->d_name;
    struct stat status {};
    if (process[0] < '0' || process[0] > '9') continue;
    if (::fstatat(directory, process.c_str(), &status, 0) != 0) continue;  // it has ended
    if (!is_unnamed_worker(status.st_uid) || in_use.contains(status.st_uid)) continue;
    std::string name = read_file_at(directory, process + "/comm", 64);
    if (name.ends_with('\n')) name.pop_back();
    if (!is_workers_name(name)) in_use.insert(status.st_uid);
  }
  return in_use;
}

}  // namespace

bool is_unnamed_worker(std::uint32_t user) {
  return user >= kWorkerIdFirst && user <= kWorkerIdLast;
}

bool is_workers_name(std::string_view process_name) {
  constexpr std::string_view kDigits = "0123456789";
  return process_name.starts_with(kOurPrograms) ||
         process_name.find_first_not_of(kDigits) == std::string_view::npos;
}

std::optional<Identity> worker_identity_in(std::string_view passwd,
                                           const std::set<std::uint32_t>& in_use) {
  const std::vector<Account> accounts = accounts_of(passwd);
  for (const Account& account : accounts) {
    const auto [user, group] = account.identity;
    if (account.name != kWorkerUser || is_shared(user, accounts)) continue;
    if (!is_everybodys(group)) return account.identity;
    // As `adduser --system` makes it. The user's number may be somebody's group, ours are nobody's.
    if (const auto id = free_id(accounts, {}); id) return Identity{user, *id};
  }
  if (const auto id = free_id(accounts, in_use); id) return Identity{*id, *id};
  return std::nullopt;
}

Result<Identity> worker_identity() {
  const std::string passwd = read_file_at(AT_FDCWD, "/etc/passwd", kPasswdBytesMax);
  // Most machines have the account, and need no look at their processes.
  std::optional<Identity> identity = worker_identity_in(passwd, {});
  if (identity && is_unnamed_worker(identity->user)) {
    identity = worker_identity_in(passwd, ids_in_use());
  }
  if (identity) return *identity;
  return {Errc::denied,
          "no user is free for the workers: " + std::to_string(kWorkerIdFirst) + " to " +
              std::to_string(kWorkerIdLast) + " are all taken",
          "add the system user " + std::string(kWorkerUser)};
}

}  // namespace hostspin
