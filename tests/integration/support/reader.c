/* Looks names up and reads the hosts file, as any program does, while somebody replaces it.
     reader names           each name on standard input: its addresses, as getaddrinfo() gives them
     reader watch NAME…     until standard input ends: every NAME must be found, and /etc/hosts be whole;
                            ends with "LOOK-UPS READS MISSED TORN"  */
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

enum { NAME_MAX_BYTES = 512, FILE_MAX_BYTES = 1 << 20, PAUSE_US = 200 };

static struct addrinfo* look_up(const char* name) {
  struct addrinfo hints = {0}, *found = NULL;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  return getaddrinfo(name, NULL, &hints, &found) == 0 ? found : NULL;
}

static void answer(const char* name) {
  struct addrinfo* found = look_up(name);
  printf("%s", name);
  for (struct addrinfo* one = found; one; one = one->ai_next) {
    char text[INET6_ADDRSTRLEN];
    const void* address = one->ai_family == AF_INET6
                              ? (void*)&((struct sockaddr_in6*)(void*)one->ai_addr)->sin6_addr
                              : (void*)&((struct sockaddr_in*)(void*)one->ai_addr)->sin_addr;
    printf(" %s", inet_ntop(one->ai_family, address, text, sizeof text));
  }
  printf("\n");
  if (found) freeaddrinfo(found);
}

/* A whole file begins with the block, all of whose addresses are of one version, and ends as it always did. */
static int is_whole(void) {
  static char bytes[FILE_MAX_BYTES + 1];
  size_t size = 0;
  int file = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  for (;;) {
    ssize_t count = read(file, bytes + size, FILE_MAX_BYTES - size);
    if (count <= 0) break;
    size += (size_t)count;
  }
  close(file);
  bytes[size] = '\0';
  if (strncmp(bytes, "# BEGIN hostspin ", 17) != 0) return 0;
  char* end = strstr(bytes, "\n# END hostspin\n");
  if (!end || strcmp(bytes + size - 15, "# last foreign\n") != 0) return 0;
  *end = '\0';
  char* line = strchr(bytes, '\n');
  if (!line) return 0;
  size_t address = strcspn(++line, "\t");
  for (char* next = line; next; next = strchr(next, '\n') ? strchr(next, '\n') + 1 : NULL)
    if (strncmp(next, line, address + 1) != 0) return 0;
  return 1;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "names") == 0) {
    char name[NAME_MAX_BYTES];
    while (fgets(name, sizeof name, stdin)) {
      name[strcspn(name, "\n")] = '\0';
      answer(name);
    }
    return 0;
  }
  if (argc < 3 || strcmp(argv[1], "watch") != 0) return 3;
  long look_ups = 0, reads = 0, missed = 0, torn = 0;
  struct pollfd input = {0, POLLIN, 0};
  printf("ready\n");
  fflush(stdout);
  while (poll(&input, 1, 0) == 0) {
    for (int i = 2; i < argc; ++i, ++look_ups) {
      struct addrinfo* found = look_up(argv[i]);
      missed += !found;
      if (found) freeaddrinfo(found);
    }
    ++reads;
    torn += !is_whole();
    usleep(PAUSE_US);
  }
  printf("%ld %ld %ld %ld\n", look_ups, reads, missed, torn);
  return 0;
}
