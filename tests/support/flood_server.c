/* A server that never stops sending: each kind of endless stream on a port of its own, at full speed.
 *
 *   flood_server ADDRESS CERTIFICATE KEY SECONDS
 *
 * Prints one JSON object, kind to port, and serves until its standard input ends. A connection gets
 * a process of its own, which ends with its client, with its parent, or after SECONDS. */
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is repeated, and for how long: a chunk of whole pieces, as many as fit. */
enum { CHUNK_BYTES = 1 << 18, KINDS_MAX = 64 };

static const char *certificate, *key;
static unsigned seconds;

/* --- one connection, with TLS or without ---------------------------------------------------------- */

struct peer {
  int fd;
  SSL *ssl; /* null: in the clear */
};

/* Ends this process when the client is gone. */
static void put(struct peer peer, const void *bytes, size_t size) {
  const char *next = bytes;
  while (size > 0) {
    const long sent = peer.ssl != NULL ? SSL_write(peer.ssl, next, size > 16384 ? 16384 : (int)size)
                                       : send(peer.fd, next, size, MSG_NOSIGNAL);
    if (sent <= 0) _exit(0);
    next += sent;
    size -= (size_t)sent;
  }
}

static void repeat(struct peer peer, const void *piece, size_t size) {
  static char chunk[CHUNK_BYTES];
  size_t filled = 0;
  for (; filled + size <= sizeof chunk; filled += size) memcpy(chunk + filled, piece, size);
  for (;;) put(peer, chunk, filled);
}

/* What the client says first, so that the flood meets one that waits for an answer. */
static void hear(struct peer peer) {
  char bytes[4096];
  const long got = peer.ssl != NULL ? SSL_read(peer.ssl, bytes, sizeof bytes)
                                    : recv(peer.fd, bytes, sizeof bytes, 0);
  if (got <= 0) _exit(0);
}

/* --- TLS ------------------------------------------------------------------------------------------ */

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size,
                           const unsigned char *offered, unsigned offered_size, void *wanted) {
  const unsigned char *list = wanted;
  (void)ssl;
  return SSL_select_next_proto((unsigned char **)out, size, list, list[0] + 1U, offered,
                               offered_size) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *context(int http2) {
  static unsigned char h1[] = "\x08http/1.1", h2[] = "\x02h2";
  SSL_CTX *made = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(made, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(made, key, SSL_FILETYPE_PEM) != 1) {
    _exit(3);
  }
  SSL_CTX_set_alpn_select_cb(made, choose_protocol, http2 ? h2 : h1);
  SSL_CTX_set_num_tickets(made, 0);
  return made;
}

static struct peer accept_tls(int fd, int http2) {
  struct peer peer = {fd, SSL_new(context(http2))};
  SSL_set_fd(peer.ssl, fd);
  if (SSL_accept(peer.ssl) != 1) _exit(0);
  return peer;
}

/* Records before the ServerHello; they need no certificate. */
static void hello_requests(int fd) {
  const struct peer peer = {fd, NULL};
  hear(peer);
  repeat(peer, "\x16\x03\x03\0\4\0\0\0\0", 9);
}

static void warning_alerts(int fd) {
  const struct peer peer = {fd, NULL};
  hear(peer);
  repeat(peer, "\x15\x03\x03\0\2\1\x5a", 7);
}

/* A ServerHello and then the record that TLS 1.3 clients drop for the sake of middleboxes. */
static void change_cipher_specs(int fd) {
  const struct peer peer = {fd, NULL};
  SSL *ssl = SSL_new(context(0));
  BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
  char hello[16384];
  unsigned char *flight;
  const long got = recv(fd, hello, sizeof hello, 0);
  if (got <= 0) _exit(0);
  BIO_write(in, hello, (int)got);
  SSL_set_bio(ssl, in, out);
  SSL_set_accept_state(ssl);
  (void)SSL_do_handshake(ssl);
  if (BIO_get_mem_data(out, &flight) < 5) _exit(3);
  put(peer, flight, 5U + flight[3] * 256U + flight[4]);
  repeat(peer, "\x14\x03\x03\0\1\1", 6);
}

static void key_updates(int fd, int asked) {
  const struct peer peer = accept_tls(fd, 0);
  hear(peer);
  do {
    if (SSL_key_update(peer.ssl, asked ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED) != 1)
      _exit(3);
  } while (SSL_do_handshake(peer.ssl) == 1);
}
static void key_updates_told(int fd) { key_updates(fd, 0); }
static void key_updates_asked(int fd) { key_updates(fd, 1); }

static void session_tickets(int fd) {
  const struct peer peer = accept_tls(fd, 0);
  hear(peer);
  do {
    if (SSL_new_session_ticket(peer.ssl) != 1) _exit(3);
  } while (SSL_do_handshake(peer.ssl) == 1);
}

/* --- HTTP/1.1 ------------------------------------------------------------------------------------- */

static void chunk_extension(int fd) {
  static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;";
  const struct peer peer = {fd, NULL};
  hear(peer);
  put(peer, head, sizeof head - 1);
  repeat(peer, "a", 1);
}

/* A proxy that says no, and goes on saying it. */
static void proxy_body(int fd) {
  static const char head[] =
      "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 99999999999\r\n\r\n";
  const struct peer peer = {fd, NULL};
  hear(peer);
  put(peer, head, sizeof head - 1);
  repeat(peer, "a", 1);
}

/* --- HTTP/2 --------------------------------------------------------------------------------------- */

struct frames {
  const char *name;
  const char *piece;
  size_t size;
  int answered; /* after the headers of an answer on stream 1 */
};
#define FRAMES(name, answered, bytes) {name, bytes, sizeof bytes - 1, answered}
static const struct frames frames[] = {
    FRAMES("h2_goaway", 0, "\0\0\x08\7\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0"),
    FRAMES("h2_ping", 0, "\0\0\x08\6\0\0\0\0\0" "12345678"),
    FRAMES("h2_ping_ack", 0, "\0\0\x08\6\1\0\0\0\0" "12345678"),
    FRAMES("h2_settings", 0, "\0\0\0\4\0\0\0\0\0"),
    FRAMES("h2_window_update", 0, "\0\0\4\x08\0\0\0\0\0\0\0\0\1"),
    FRAMES("h2_priority", 0, "\0\0\5\2\0\0\0\0\1\0\0\0\3\1"),
    FRAMES("h2_unknown", 0, "\0\0\4\x42\0\0\0\0\0" "1234"),
    FRAMES("h2_altsvc", 0, "\0\0\x0a\x0a\0\0\0\0\0\0\1a" "h2=\":1\""),
    FRAMES("h2_empty_data", 1, "\0\0\0\0\0\0\0\0\1"),
    FRAMES("h2_padded_data", 1, "\0\0\x09\0\x08\0\0\0\1\x08\0\0\0\0\0\0\0\0"),
    FRAMES("h2_continuation", 0, "\0\0\0\x09\0\0\0\0\1"),
};
enum { FRAME_KINDS = sizeof frames / sizeof frames[0] };

static void http2(struct peer peer, const struct frames *kind) {
  /* :status 200 of HPACK's static table, and content-type: application/grpc as a literal. */
  static const char answer[] = "\0\0\x1f\1\4\0\0\0\1\x88\x0f\x10\x10" "application/grpc";
  static const char open_answer[] = "\0\0\1\1\0\0\0\0\1\x88"; /* without END_HEADERS */
  hear(peer);
  put(peer, "\0\0\0\4\0\0\0\0\0", 9);
  if (kind->answered) {
    char head[sizeof answer];
    memcpy(head, answer, sizeof answer);
    head[2] = (char)(sizeof answer - 1 - 9);
    put(peer, head, sizeof answer - 1);
  }
  if (strcmp(kind->name, "h2_continuation") == 0) put(peer, open_answer, sizeof open_answer - 1);
  repeat(peer, kind->piece, kind->size);
}

/* --- the server ----------------------------------------------------------------------------------- */

struct flood {
  char name[40];
  void (*serve)(int fd);
  const struct frames *frames;
  int tls;
  int listener;
};
static struct flood floods[KINDS_MAX];
static int count;

static void add(const char *prefix, const char *name, void (*serve)(int), const struct frames *kind,
                int tls) {
  struct flood *made = &floods[count++];
  snprintf(made->name, sizeof made->name, "%s%s", prefix, name);
  made->serve = serve;
  made->frames = kind;
  made->tls = tls;
}

static void serve(const struct flood *flood, int fd) {
  const struct peer plain = {fd, NULL};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  alarm(seconds);
  if (flood->serve != NULL) {
    flood->serve(fd);
  } else {
    http2(flood->tls ? accept_tls(fd, 1) : plain, flood->frames);
  }
  _exit(0);
}

static int listen_on(const char *address) {
  struct sockaddr_in here = {.sin_family = AF_INET};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int ahead = 1 << 16; /* more would only be made to be thrown away */
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &ahead, sizeof ahead);
  if (inet_pton(AF_INET, address, &here.sin_addr) != 1 ||
      bind(fd, (struct sockaddr *)&here, sizeof here) != 0 || listen(fd, 64) != 0) {
    perror("flood_server: cannot listen");
    exit(1);
  }
  return fd;
}

static unsigned port_of(int fd) {
  struct sockaddr_in here;
  socklen_t size = sizeof here;
  getsockname(fd, (struct sockaddr *)&here, &size);
  return ntohs(here.sin_port);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  certificate = argv[2];
  key = argv[3];
  seconds = (unsigned)atoi(argv[4]);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  add("", "hello_request", hello_requests, NULL, 1);
  add("", "warning_alert", warning_alerts, NULL, 1);
  add("", "change_cipher_spec", change_cipher_specs, NULL, 1);
  add("", "key_update", key_updates_told, NULL, 1);
  add("", "key_update_asked", key_updates_asked, NULL, 1);
  add("", "session_ticket", session_tickets, NULL, 1);
  add("", "chunk_extension", chunk_extension, NULL, 0);
  add("", "proxy_body", proxy_body, NULL, 0);
  for (int i = 0; i < FRAME_KINDS; ++i) {
    add("", frames[i].name, NULL, &frames[i], 0);
    add("tls_", frames[i].name, NULL, &frames[i], 1);
  }
  struct pollfd waited[KINDS_MAX + 1] = {{0, POLLIN, 0}};
  printf("{");
  for (int i = 0; i < count; ++i) {
    floods[i].listener = listen_on(argv[1]);
    waited[i + 1] = (struct pollfd){floods[i].listener, POLLIN, 0};
    printf("%s\"%s\":%u", i == 0 ? "" : ",", floods[i].name, port_of(floods[i].listener));
  }
  printf("}\n");
  fflush(stdout);
  while (poll(waited, (nfds_t)count + 1, -1) > 0 && waited[0].revents == 0) {
    for (int i = 0; i < count; ++i) {
      if (waited[i + 1].revents == 0) continue;
      const int fd = accept(floods[i].listener, NULL, NULL);
      if (fd < 0) continue;
      const pid_t child = fork();
      if (child == 0) serve(&floods[i], fd);
      close(fd);
    }
  }
  return 0;
}
