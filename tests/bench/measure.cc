// measure COMMAND…: runs it and prints nanoseconds of wall time, microseconds of CPU, KiB of peak memory and the
// exit code. Small itself: a child's peak counts what its parent was when it started.
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

extern char** environ;

int main(int argc, char** argv) {
  if (argc < 2) return 3;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const auto started = std::chrono::steady_clock::now();
  pid_t child = 0;
  if (posix_spawnp(&child, argv[1], &actions, nullptr, argv + 1, environ) != 0) return 1;
  int status = 0;
  struct rusage used {};
  if (wait4(child, &status, 0, &used) != child) return 1;
  const std::chrono::nanoseconds wall = std::chrono::steady_clock::now() - started;
  const auto micros = [](const timeval& time) { return time.tv_sec * 1000000L + time.tv_usec; };
  std::printf("%lld %ld %ld %d\n", static_cast<long long>(wall.count()),
              micros(used.ru_utime) + micros(used.ru_stime), used.ru_maxrss,
              WIFEXITED(status) ? WEXITSTATUS(status) : 128);
  return 0;
}
