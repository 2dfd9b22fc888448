#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "catch.h"
#include "sandbox.h"
#include "worker_identity.h"

using namespace hostspin;

namespace {

struct Inside {
  std::string lacks;                         // what enter_sandbox() said
  std::map<std::string, std::string> tried;  // name → "done", or why not
};

std::string outcome(long result) { return result < 0 ? strerror(errno) : "done"; }

using Attempts = std::vector<std::pair<std::string, std::function<std::string()>>>;

// Enters the sandbox in a child, tries each of `attempts` there, and brings home what became of
// them.
Inside inside_sandbox(const Attempts& attempts) {
  std::array<int, 2> ends{};
  REQUIRE(pipe(ends.data()) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // The sandbox closes whatever is above standard error.
    dup2(ends[1], STDOUT_FILENO);
    std::string said;
    const Result<std::vector<std::string>> notices = enter_sandbox(Program::net);
    if (!notices) _exit(2);
    for (const std::string& lack : *notices) {
      if (lack.starts_with("sandbox: ")) said += "lack=" + lack + "\n";
    }
    for (const auto& [name, attempt] : attempts) said += name + "=" + attempt() + "\n";
    const ssize_t written = write(STDOUT_FILENO, said.data(), said.size());
    _exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string said;
  std::array<char, 4096> bytes;
  for (ssize_t size = 0; (size = read(ends[0], bytes.data(), bytes.size())) > 0;) {
    said.append(bytes.data(), static_cast<std::size_t>(size));
  }
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);

  Inside found;
  for (std::size_t start = 0; start < said.size();) {
    const std::size_t end = said.find('\n', start);
    const std::string line = said.substr(start, end - start);
    const std::size_t equals = line.find('=');
    const std::string name = line.substr(0, equals);
    if (name == "lack") {
      found.lacks += line.substr(equals + 1) + "\n";
    } else {
      found.tried[name] = line.substr(equals + 1);
    }
    start = end + 1;
  }
  return found;
}

// What this kernel or this build cannot do is said by the sandbox; it is no failure of the sandbox.
bool has_whole_sandbox() {
  const Inside found = inside_sandbox({});
  if (!found.lacks.empty()) WARN("the sandbox is not whole here: " + found.lacks);
  return found.lacks.empty();
}

std::string try_bind(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) return "no socket";
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return outcome(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address));
}

std::string try_connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) return "no socket";
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int done = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const std::string said = outcome(done);
  close(fd);
  return said;
}

}  // namespace

TEST_CASE("inside the sandbox nothing but sockets is left", "[net_sandbox]") {
  if (!has_whole_sandbox()) return;
  const std::string folder = std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp";
  const std::string made = folder + "/hostspin-sandbox-test";
  const Inside found = inside_sandbox({
      {"read a secret", [] { return outcome(open("/etc/shadow", O_RDONLY)); }},
      {"read a public file", [] { return outcome(open("/etc/passwd", O_RDONLY)); }},
      {"read the resolver's file", [] { return outcome(open("/etc/resolv.conf", O_RDONLY)); }},
      {"list a folder", [] { return outcome(open("/", O_RDONLY | O_DIRECTORY)); }},
      {"create a file", [&] { return outcome(open(made.c_str(), O_WRONLY | O_CREAT, 0600)); }},
      {"create a folder", [&] { return outcome(mkdir(made.c_str(), 0700)); }},
      {"remove", [] { return outcome(unlink("/etc/hosts")); }},
      {"rename", [] { return outcome(rename("/etc/hosts", "/etc/hosts.x")); }},
      {"truncate", [] { return outcome(truncate("/etc/hosts", 0)); }},
      {"run",
       [] {
         char name[] = "/bin/true";
         char* arguments[] = {name, nullptr};
         char* environment[] = {nullptr};
         return outcome(execve(name, arguments, environment));
       }},
      {"fork",
       [] { return outcome(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr)); }},
      {"trace", [] { return outcome(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }},
      {"trace the parent",
       [] { return outcome(ptrace(PTRACE_ATTACH, getppid(), nullptr, nullptr)); }},
      {"read another's memory",
       [] { return outcome(syscall(SYS_process_vm_readv, getppid(), nullptr, 0, nullptr, 0, 0)); }},
      {"signal the parent", [] { return outcome(kill(getppid(), SIGCONT)); }},
      {"listen", [] { return try_bind(0); }},
      {"local socket", [] { return outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }},
      {"raw socket", [] { return outcome(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }},
      {"packet socket", [] { return outcome(socket(AF_PACKET, SOCK_RAW, 0)); }},
      {"become root", [] { return outcome(setuid(0)); }},
      {"executable memory",
       [] {
         void* pages = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return pages == MAP_FAILED ? std::string(strerror(errno)) : "done";
       }},
      {"mount", [] { return outcome(syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr)); }},
      {"new namespace", [] { return outcome(syscall(SYS_unshare, 0x10000000)); }},
      {"bpf", [] { return outcome(syscall(SYS_bpf, 0, nullptr, 0)); }},
  });
  CHECK(found.tried.size() == 24);
  for (const auto& [name, result] : found.tried) {
    CAPTURE(name, result);
    CHECK((result == strerror(EPERM) || result == strerror(EACCES)));
  }
  struct stat status {};
  CHECK(stat(made.c_str(), &status) != 0);
}

TEST_CASE("inside the sandbox the work can still be done", "[net_sandbox]") {
  if (!has_whole_sandbox()) return;
  const Inside found = inside_sandbox({
      {"tcp",
       [] { return outcome(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }},
      {"tcp6", [] { return outcome(socket(AF_INET6, SOCK_STREAM, 0)); }},
      {"udp", [] { return outcome(socket(AF_INET, SOCK_DGRAM, 0)); }},
      {"memory",
       [] {
         void* pages =
             mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         return pages == MAP_FAILED ? std::string(strerror(errno)) : "done";
       }},
  });
  for (const auto& [name, result] : found.tried) {
    CAPTURE(name);
    CHECK(result == "done");
  }
}

TEST_CASE("the sandbox gives up rights, limits and the environment", "[net_sandbox]") {
  REQUIRE(setenv("https_proxy", "http://proxy.example:1", 1) == 0);
  const int inherited = open("/dev/null", O_RDONLY);
  REQUIRE(inherited > STDERR_FILENO);
  const Inside found = inside_sandbox({
      {"uid", [] { return std::to_string(geteuid()); }},
      {"gid", [] { return std::to_string(getegid()); }},
      {"environment",
       [] { return std::string(std::getenv("https_proxy") == nullptr ? "empty" : "there"); }},
      {"inherited", [inherited] { return outcome(fcntl(inherited, F_GETFD)); }},
      {"files",
       [] {
         rlimit files{};
         (void)getrlimit(RLIMIT_NOFILE, &files);
         return std::string(files.rlim_cur == files.rlim_max ? "raised" : "low");
       }},
      {"core",
       [] {
         rlimit core{};
         (void)getrlimit(RLIMIT_CORE, &core);
         return std::to_string(core.rlim_max);
       }},
      {"file size",
       [] {
         rlimit size{};
         (void)getrlimit(RLIMIT_FSIZE, &size);
         return std::to_string(size.rlim_max);
       }},
  });
  close(inherited);
  unsetenv("https_proxy");
  const bool was_root = geteuid() == 0;
  const Identity identity = was_root ? *worker_identity() : Identity{geteuid(), getegid()};
  CHECK(found.tried.at("uid") == std::to_string(identity.user));
  CHECK(found.tried.at("gid") == std::to_string(identity.group));
  CHECK(found.tried.at("environment") == "empty");
  CHECK(found.tried.at("inherited") == strerror(EBADF));
  CHECK(found.tried.at("files") == "raised");
  CHECK(found.tried.at("core") == "0");
  CHECK(found.tried.at("file size") == "0");
}

TEST_CASE("after the last request only its ports are left", "[net_sandbox]") {
  if (!has_whole_sandbox()) return;
  const Inside found = inside_sandbox({
      {"before", [] { return try_connect(9); }},
      {"restrict",
       [] {
         return std::string(restrict_ports({443, 8443}) ? "yes" : "no");
       }},
      {"asked for", [] { return try_connect(443); }},
      {"another", [] { return try_connect(53); }},
  });
  if (found.tried.at("restrict") == "no") {
    WARN("this kernel's Landlock knows no ports");
    return;
  }
  CHECK(found.tried.at("before") != strerror(EACCES));
  CHECK(found.tried.at("asked for") != strerror(EACCES));
  CHECK(found.tried.at("another") == strerror(EACCES));
}
