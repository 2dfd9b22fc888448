/* A disk that remembers the order of what was written to it, and when it was asked to make it durable.
     logging_disk BACKING LOG MOUNTPOINT
   shows one file, MOUNTPOINT/disk, for a loop device to stand on. Each write is done to BACKING and appended to LOG as
   'W', offset and size as 8 bytes each in the machine's order, and the bytes; each fsync as 'F' and two zeros. */
#define FUSE_USE_VERSION 31
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int backing;
static FILE* record;
static const char kPath[] = "/disk";

static void note(char kind, uint64_t offset, uint64_t size, const char* bytes) {
  fputc(kind, record);
  fwrite(&offset, sizeof offset, 1, record);
  fwrite(&size, sizeof size, 1, record);
  if (bytes) fwrite(bytes, 1, size, record);
  fflush(record);
}

static int disk_getattr(const char* path, struct stat* status, struct fuse_file_info* file) {
  (void)file;
  memset(status, 0, sizeof *status);
  if (strcmp(path, "/") == 0) {
    status->st_mode = S_IFDIR | 0755;
    status->st_nlink = 2;
    return 0;
  }
  if (strcmp(path, kPath) != 0) return -ENOENT;
  struct stat real;
  if (fstat(backing, &real) != 0) return -errno;
  status->st_mode = S_IFREG | 0600;
  status->st_nlink = 1;
  status->st_size = real.st_size;
  return 0;
}

static int disk_open(const char* path, struct fuse_file_info* file) {
  if (strcmp(path, kPath) != 0) return -ENOENT;
  file->direct_io = 1; /* no page cache between the loop device and the log */
  return 0;
}

static int disk_read(const char* path, char* bytes, size_t size, off_t offset, struct fuse_file_info* file) {
  (void)path;
  (void)file;
  ssize_t count = pread(backing, bytes, size, offset);
  return count < 0 ? -errno : (int)count;
}

static int disk_write(const char* path, const char* bytes, size_t size, off_t offset, struct fuse_file_info* file) {
  (void)path;
  (void)file;
  ssize_t count = pwrite(backing, bytes, size, offset);
  if (count < 0) return -errno;
  note('W', (uint64_t)offset, (uint64_t)count, bytes);
  return (int)count;
}

static int disk_fsync(const char* path, int data_only, struct fuse_file_info* file) {
  (void)path;
  (void)data_only;
  (void)file;
  note('F', 0, 0, NULL);
  return 0;
}

int main(int argc, char** argv) {
  static const struct fuse_operations operations = {
      .getattr = disk_getattr, .open = disk_open, .read = disk_read, .write = disk_write, .fsync = disk_fsync};
  if (argc != 4) return 3;
  backing = open(argv[1], O_RDWR | O_CLOEXEC);
  record = fopen(argv[2], "wb");
  if (backing < 0 || !record) return 1;
  char* arguments[] = {argv[0], "-f", "-s", argv[3], NULL};
  return fuse_main(4, arguments, &operations, NULL);
}
