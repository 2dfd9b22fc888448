// What our code and the compiler's own archives (libstdc++, libgcc) want of a glibc that is newer
// than the oldest one hostspin-ask starts on. The program has one thread. Hidden, so that no NSS
// module that it loads binds to these.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIDDEN __attribute__((visibility("hidden")))

extern HIDDEN char __libc_single_threaded;  // since 2.32
HIDDEN char __libc_single_threaded = 1;

// In libc itself since 2.34; before, in a library that nothing else here needs.
HIDDEN int pthread_once(pthread_once_t* once, void (*function)(void)) {
  if (*once == PTHREAD_ONCE_INIT) {
    *once = PTHREAD_ONCE_INIT + 1;
    function();
  }
  return 0;
}

HIDDEN int __pthread_key_create(pthread_key_t* key, void (*destructor)(void*));
HIDDEN int __pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
  (void)key, (void)destructor;
  return EAGAIN;
}

// Calls of the kernel that libc has had under these names since 2.30 and 2.33; `struct stat` is the
// kernel's own.
HIDDEN pid_t gettid(void) { return (pid_t)syscall(SYS_gettid); }

HIDDEN int fstat(int fd, struct stat* status) { return (int)syscall(SYS_fstat, fd, status); }

HIDDEN int fstatat(int fd, const char* path, struct stat* status, int flags) {
  return (int)syscall(SYS_newfstatat, fd, path, status, flags);
}

// Since 2.35: how the unwinder finds the frames of the code at an address.
struct search {
  uintptr_t address;
  struct dl_find_object* found;
};

static int look_into(struct dl_phdr_info* object, size_t size, void* argument) {
  (void)size;
  const struct search* search = argument;
  const ElfW(Phdr)* frames = NULL;
  uintptr_t low = UINTPTR_MAX;
  uintptr_t high = 0;
  int inside = 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const ElfW(Phdr)* part = &object->dlpi_phdr[i];
    const uintptr_t begin = object->dlpi_addr + part->p_vaddr;
    const uintptr_t end = begin + part->p_memsz;
    if (part->p_type == PT_GNU_EH_FRAME) frames = part;
    if (part->p_type != PT_LOAD) continue;
    if (begin < low) low = begin;
    if (end > high) high = end;
    if (search->address >= begin && search->address < end) inside = 1;
  }
  if (!inside) return 0;  // the next object
  if (frames == NULL) return -1;
  memset(search->found, 0, sizeof *search->found);
  search->found->dlfo_map_start = (void*)low;
  search->found->dlfo_map_end = (void*)high;
  search->found->dlfo_eh_frame = (void*)(object->dlpi_addr + frames->p_vaddr);
  return 1;
}

HIDDEN int _dl_find_object(void* address, struct dl_find_object* found) {
  struct search search = {(uintptr_t)address, found};
  return dl_iterate_phdr(look_into, &search) == 1 ? 0 : -1;
}
