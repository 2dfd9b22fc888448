#include <algorithm>
#include <cstring>

#include "http_transfer.h"
#include "socket_address.h"

// How a transfer is set up, and what libcurl calls meanwhile.
namespace hostspin {
namespace {

using std::chrono::milliseconds;

// Hosts that libcurl connects to; they exist only in its RESOLVE lists (RFC 2606 keeps .invalid
// free).
constexpr const char* kOrigin = "origin.hostspin.invalid";
constexpr const char* kProxy = "proxy.hostspin.invalid";

// What the framing of one byte may take: in a chunk, a frame and a record of its own, some fifty.
constexpr std::size_t kFramedBytesPerByte = 64;
constexpr std::size_t kHeaderValueBytesMax = 2048;
constexpr long kLowSpeedBytesPerSecond = 100;
// A second more than 3: a source that takes 3 s to answer is slow, but may be the only one that is
// honest.
constexpr long kLowSpeedSeconds = 4;
constexpr long kNeverMs = 3600000;

bool append(CurlList& list, const std::string& text) {
  curl_slist* longer = curl_slist_append(list.get(), text.c_str());
  if (longer == nullptr) return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// --- libcurl's callbacks
// ---------------------------------------------------------------------------

// Any name or address that is not in the RESOLVE list: fail before a resolver is even thought of.
int refuse_lookup(void*, void*, void*) noexcept { return 1; }

curl_socket_t hand_over_socket(void* argument, curlsocktype, curl_sockaddr* wanted) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(argument);
  const IPEndpoint& peer = transfer.request.peer;
  const SocketAddress expected(peer.address, peer.port);
  if (!expected.equals(&wanted->addr, wanted->addrlen)) return CURL_SOCKET_BAD;
  CURL* const easy = transfer.easy.get();
  const curl_socket_t socket = transfer.pump->hand_over([easy] {
    // It waits for a timer only; a pause that ends makes it look at its socket at once.
    (void)curl_easy_pause(easy, CURLPAUSE_SEND);
    (void)curl_easy_pause(easy, CURLPAUSE_CONT);
  });
  if (socket < 0) {
    transfer.asked_again = true;
    return CURL_SOCKET_BAD;
  }
  transfer.connects_to = wanted;
  hold_back(transfer, true);
  return socket;
}

// libcurl has taken note of the address by now; see Pump::hand_over() for what it still does.
int already_connected(void* argument, curl_socket_t, curlsocktype) noexcept {
  static_cast<HttpTransfer*>(argument)->connects_to->addr.sa_family = AF_UNSPEC;
  return CURL_SOCKOPT_ALREADY_CONNECTED;
}

CURLcode prepare_tls(CURL*, void* context, void* argument) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(argument);
  auto* const librarys = static_cast<SSL_CTX*>(context);
  transfer.context = hold(librarys);
  const bool prepared =
      transfer.context && transfer.trust->prepare(librarys, transfer.store,
                                                  transfer.request.url.host, transfer.finding);
  return prepared ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

// An HTTP date as seconds since 1970; -1 for what is none.
std::int64_t seconds_of(std::string_view date) {
  return curl_getdate(std::string(date).c_str(), nullptr);
}

// Of two different lengths nobody knows which holds; libcurl takes the last.
void take_length(HttpTransfer& transfer, std::string_view value) {
  if (!transfer.length.empty() && transfer.length != value) {
    transfer.malformed =
        "two Content-Lengths, " + quoted(transfer.length, 20) + " and " + quoted(value, 20);
  }
  transfer.length = value;
}

void begin_head(HttpTransfer& transfer) {
  transfer.reply.headers_complete = false;
  transfer.length.clear();
  transfer.is_chunked = false;
}

void end_head(HttpTransfer& transfer) {
  HttpReply& reply = transfer.reply;
  reply.status = status_of(transfer);
  reply.headers_complete = reply.status >= 200;
  if (!reply.headers_complete) return;  // an answer in between
  curl_off_t length = -1;
  const CURLcode known =
      curl_easy_getinfo(transfer.easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (known == CURLE_OK && length >= 0 && !transfer.length.empty()) {
    reply.length = static_cast<std::uint64_t>(length);
  }
  transfer.enough = transfer.request.suffices && transfer.request.suffices(reply);
}

void take_field(HttpTransfer& transfer, std::string_view name, std::string_view value) {
  if (same_word(name, "etag")) transfer.reply.etag = value;
  if (same_word(name, "date")) transfer.date = seconds_of(value);
  if (same_word(name, "last-modified")) transfer.last_modified = seconds_of(value);
  if (same_word(name, "location")) transfer.reply.location = value;
  if (same_word(name, "content-type")) transfer.reply.content_type = value;
  if (same_word(name, "grpc-status")) transfer.reply.grpc_status = value;
  if (transfer.reply.headers_complete) return;  // behind the body these two mean nothing
  if (same_word(name, "content-length")) take_length(transfer, value);
  if (same_word(name, "transfer-encoding")) transfer.is_chunked = true;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* argument) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(argument);
  const std::string_view line(bytes, size * count);
  transfer.header_bytes += line.size();
  transfer.pump->allow(kFramedBytesPerByte * line.size());
  if (transfer.header_bytes > kHeaderBytesMax) {
    transfer.too_large = true;
    return 0;
  }
  if (line.substr(0, 5) == "HTTP/") {
    begin_head(transfer);
    return line.size();
  }
  if (line == "\r\n" || line == "\n") {
    if (!transfer.reply.headers_complete) end_head(transfer);
    return transfer.enough ? 0 : line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  const std::string_view name = line.substr(0, colon);
  std::string_view value = line.substr(colon + 1);
  const std::size_t first = value.find_first_not_of(" \t");
  const std::size_t last = value.find_last_not_of(" \t\r\n");
  if (first == std::string_view::npos || last == std::string_view::npos) return line.size();
  take_field(transfer, name, value.substr(first, std::min(last - first + 1, kHeaderValueBytesMax)));
  return transfer.malformed.empty() ? line.size() : 0;
}

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* argument) noexcept {
  HttpTransfer& transfer = *static_cast<HttpTransfer*>(argument);
  const std::size_t total = size * count;
  if (transfer.request.only_body_of_200 && status_of(transfer) != 200) {
    transfer.enough = true;
    return 0;
  }
  std::string& body = transfer.reply.body;
  const std::size_t room = transfer.request.body_bytes_max - body.size();
  body.append(bytes, std::min(total, room));
  transfer.pump->allow(kFramedBytesPerByte * std::min(total, room));
  if (transfer.request.suffices && transfer.request.suffices(transfer.reply)) {
    transfer.enough = true;
    return 0;
  }
  if (total <= room) return total;
  (transfer.request.cut_body ? transfer.enough : transfer.too_large) = true;
  return 0;
}

// --- setting up
// ------------------------------------------------------------------------------------

// Sets options and remembers whether libcurl took them all: one that is ignored would be inherited.
class Options {
 public:
  explicit Options(CURL* easy) : easy_(easy) {}
  template <typename Value>
  void set(CURLoption option, Value value) {
    if (code_ == CURLE_OK) code_ = curl_easy_setopt(easy_, option, value);
  }
  [[nodiscard]] CURLcode code() const { return code_; }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
};

void set_route(Options& options, HttpTransfer& transfer) {
  const HttpRequest& request = transfer.request;
  const std::string peer = request.peer.host();
  const std::string port = std::to_string(request.peer.port);
  bool complete = true;
  if (!request.through) {
    complete = append(transfer.resolve, std::string(kOrigin) + ":" + port + ":" + peer) &&
               append(transfer.connect_to, "::" + std::string(kOrigin) + ":" + port);
    options.set(CURLOPT_PROXY, "");
  } else {
    // CONNECT carries the address: a proxy that is asked for a name would have to resolve it.
    complete = append(transfer.resolve, std::string(kProxy) + ":" + port + ":" + peer) &&
               append(transfer.connect_to,
                      "::" + request.through->host() + ":" + std::to_string(request.through->port));
    options.set(CURLOPT_PROXY, ("http://" + std::string(kProxy) + ":" + port).c_str());
    options.set(CURLOPT_HTTPPROXYTUNNEL, 1L);
    options.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  }
  options.set(CURLOPT_NOPROXY, "");
  options.set(CURLOPT_RESOLVE, complete ? transfer.resolve.get() : nullptr);
  options.set(CURLOPT_CONNECT_TO, complete ? transfer.connect_to.get() : nullptr);
  options.set(CURLOPT_RESOLVER_START_FUNCTION, refuse_lookup);
  options.set(CURLOPT_OPENSOCKETFUNCTION, hand_over_socket);
  options.set(CURLOPT_OPENSOCKETDATA, &transfer);
  options.set(CURLOPT_SOCKOPTFUNCTION, already_connected);
  options.set(CURLOPT_SOCKOPTDATA, &transfer);
  // Not before the pump is open, see hand_over_socket().
  options.set(CURLOPT_HAPPY_EYEBALLS_TIMEOUT_MS, kNeverMs);
  options.set(CURLOPT_FRESH_CONNECT, 1L);
  options.set(CURLOPT_FORBID_REUSE, 1L);
}

void set_blob(Options& options, CURLoption option, const std::string& text) {
  if (text.empty()) return;
  curl_blob blob{const_cast<char*>(text.data()), text.size(), CURL_BLOB_COPY};
  options.set(option, &blob);
}

void set_tls(Options& options, HttpTransfer& transfer) {
  const HttpRequest& request = transfer.request;
  options.set(CURLOPT_SSL_VERIFYPEER, 1L);
  options.set(CURLOPT_SSL_VERIFYHOST, 2L);
  options.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  options.set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  // No default file: prepare_tls() puts the session's store in place, which is parsed only once.
  options.set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
  options.set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  options.set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
  options.set(CURLOPT_SSL_CTX_FUNCTION, prepare_tls);
  options.set(CURLOPT_SSL_CTX_DATA, &transfer);
  if (!request.pins.empty()) {
    std::string pins;
    for (const std::string& pin : request.pins)
      pins += (pins.empty() ? "sha256//" : ";sha256//") + pin;
    options.set(CURLOPT_PINNEDPUBLICKEY, pins.c_str());
  }
  set_blob(options, CURLOPT_SSLCERT_BLOB, request.client_certificate);
  set_blob(options, CURLOPT_SSLKEY_BLOB, request.client_key);
}

long http_version(const HttpRequest& request) {
  if (request.version == HttpRequest::Version::http1) return CURL_HTTP_VERSION_1_1;
  return request.url.tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

void set_http(Options& options, HttpTransfer& transfer) {
  const HttpRequest& request = transfer.request;
  options.set(CURLOPT_URL, request.url.text.c_str());
  options.set(CURLOPT_PATH_AS_IS, 1L);
  options.set(CURLOPT_PROTOCOLS_STR, "https,http");
  options.set(CURLOPT_REDIR_PROTOCOLS_STR, "https,http");
  options.set(CURLOPT_FOLLOWLOCATION, 0L);
  options.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  options.set(CURLOPT_ACCEPT_ENCODING, static_cast<const char*>(nullptr));
  options.set(CURLOPT_HTTP_VERSION, http_version(request));
  options.set(CURLOPT_HTTP09_ALLOWED, 0L);
  options.set(CURLOPT_USERAGENT, "hostspin");
  bool complete = true;
  for (const std::string& header : request.headers) {
    complete = complete && append(transfer.headers, header);
  }
  options.set(CURLOPT_HTTPHEADER, complete ? transfer.headers.get() : nullptr);
  if (request.post) {
    options.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.post->size()));
    options.set(CURLOPT_COPYPOSTFIELDS, request.post->data());
  }
  if (!request.method.empty()) options.set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.aws) {
    options.set(CURLOPT_AWS_SIGV4, ("aws:amz:" + request.aws->region + ":s3").c_str());
    options.set(CURLOPT_USERNAME, request.aws->key_id.c_str());
    options.set(CURLOPT_PASSWORD, request.aws->secret.c_str());
  }
  options.set(CURLOPT_HEADERFUNCTION, take_header);
  options.set(CURLOPT_HEADERDATA, &transfer);
  options.set(CURLOPT_WRITEFUNCTION, take_body);
  options.set(CURLOPT_WRITEDATA, &transfer);
}

void set_limits(Options& options, HttpTransfer& transfer) {
  const HttpRequest& request = transfer.request;
  options.set(CURLOPT_NOSIGNAL, 1L);
  options.set(CURLOPT_QUICK_EXIT, 1L);
  options.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.handshake_limit.count()));
  options.set(CURLOPT_TIMEOUT_MS,
              static_cast<long>(std::max(request.limit, milliseconds(1)).count()));
  if (request.low_speed_limit) {
    options.set(CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
    options.set(CURLOPT_LOW_SPEED_TIME, kLowSpeedSeconds);
  }
  options.set(CURLOPT_ERRORBUFFER, transfer.error_text);
  options.set(CURLOPT_PRIVATE, &transfer);
}

}  // namespace

Result<void> set_up_transfer(HttpTransfer& transfer, TlsTrust& trust,
                             curl_closesocket_callback close_socket, void* closer) {
  if (transfer.request.url.tls) {
    Result<X509_STORE*> store = trust.store(transfer.request.ca);
    if (!store) return std::move(store).error();
    transfer.store = *store;
    transfer.trust = &trust;
  }
  transfer.easy.reset(curl_easy_init());
  if (!transfer.easy) return {Errc::internal, "libcurl gives no handle"};
  Options options(transfer.easy.get());
  set_route(options, transfer);
  if (transfer.request.url.tls) set_tls(options, transfer);
  set_http(options, transfer);
  set_limits(options, transfer);
  options.set(CURLOPT_CLOSESOCKETFUNCTION, close_socket);
  options.set(CURLOPT_CLOSESOCKETDATA, closer);
  if (options.code() == CURLE_OK) return {};
  transfer.easy.reset();
  return {Errc::internal,
          std::string("libcurl refuses an option: ") + curl_easy_strerror(options.code())};
}

}  // namespace hostspin
