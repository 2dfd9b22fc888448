// Linked into the static programs ahead of libc, so that the linker takes these and leaves libc's
// out: then there is no resolver, no NSS and no loader of code in the program at all, and nothing
// to be talked into using one.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stddef.h>

int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints,
                struct addrinfo** found) {
  (void)name, (void)service, (void)hints;
  *found = NULL;
  return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo* found) { (void)found; }

const char* gai_strerror(int code) {
  (void)code;
  return "this program resolves no names";
}

int getnameinfo(const struct sockaddr* address, socklen_t address_size, char* host,
                socklen_t host_size, char* service, socklen_t service_size, int flags) {
  (void)address, (void)address_size, (void)host, (void)host_size;
  (void)service, (void)service_size, (void)flags;
  return EAI_FAIL;
}

struct hostent* gethostbyname(const char* name) {
  (void)name;
  h_errno = NO_RECOVERY;
  return NULL;
}

struct hostent* gethostbyaddr(const void* address, socklen_t size, int family) {
  (void)address, (void)size, (void)family;
  h_errno = NO_RECOVERY;
  return NULL;
}

// OpenSSL's engines and providers, and libc's conversions between character sets, are files of
// code.
void* dlopen(const char* file, int mode) {
  (void)file, (void)mode;
  return NULL;
}

void* dlsym(void* handle, const char* name) {
  (void)handle, (void)name;
  return NULL;
}

int dlclose(void* handle) {
  (void)handle;
  return -1;
}

char* dlerror(void) { return (char*)"this program loads no code"; }

int dladdr(const void* address, Dl_info* info) {
  (void)address, (void)info;
  return 0;
}

struct __gconv_loaded_object;
struct __gconv_loaded_object* __gconv_find_shlib(const char* name);
void __gconv_release_shlib(struct __gconv_loaded_object* object);

struct __gconv_loaded_object* __gconv_find_shlib(const char* name) {
  (void)name;
  return NULL;
}

void __gconv_release_shlib(struct __gconv_loaded_object* object) { (void)object; }
