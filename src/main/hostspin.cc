#include <cstdio>

#include "command_line.h"
#include "posix_file_system.h"
#include "system_clock.h"
#include "worker_process.h"

int main(int argc, char** argv) {
  hostspin::PosixFileSystem fs;
  hostspin::SystemClock clock;
  hostspin::WorkerProcess worker;
  hostspin::Console console(stdout, stderr);
  hostspin::Env env{fs, clock, worker, console};
  return hostspin::run_hostspin(argc, argv, env, hostspin::kLinkage);
}
