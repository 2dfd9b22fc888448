// The least that a careful replacement costs: read the file, write a new one, sync it, rename it over the old one.
//   floor FILE        does that
//   floor --read FILE only reads it
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

bool read_all(const char* path, std::string& bytes) {
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0) return false;
  bytes.resize(static_cast<std::size_t>(status.st_size));
  const bool whole = ::read(file, bytes.data(), bytes.size()) == status.st_size;
  return ::close(file) == 0 && whole;
}

bool write_all(const std::string& path, const std::string& bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const bool whole = ::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  const bool synced = ::fsync(file) == 0;
  return ::close(file) == 0 && whole && synced;
}

}  // namespace

int main(int argc, char** argv) {
  const bool only_read = argc == 3 && std::string(argv[1]) == "--read";
  if (argc != 2 && !only_read) return 3;
  const std::string path = argv[argc - 1];
  std::string bytes;
  if (!read_all(path.c_str(), bytes)) return 1;
  if (only_read) return 0;
  const std::string temp = path + ".floor";
  if (!write_all(temp, bytes)) return 1;
  return std::rename(temp.c_str(), path.c_str()) == 0 ? 0 : 1;
}
