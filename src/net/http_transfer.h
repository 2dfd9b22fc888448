#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "http_client.h"
#include "pump.h"

// One transfer as libcurl sees it. Private to http_client.cc, http_setup.cc (how it is set up) and
// http_transfer.cc (what became of it).
namespace hostspin {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeList>;

struct HttpTransfer {
  HttpTransfer(HttpRequest asked, HttpClient::Done told)
      : request(std::move(asked)), done(std::move(told)) {}

  HttpRequest request;
  Descriptor connection;  // until the pump has it
  std::unique_ptr<Pump> pump;
  HttpClient::Done done;

  curl_sockaddr* connects_to = nullptr;  // libcurl's, while it opens its socket
  CurlList resolve;
  CurlList connect_to;
  CurlList headers;
  X509_STORE* store = nullptr;
  TlsTrust* trust = nullptr;
  TlsFinding finding;
  WatchedContext context;  // libcurl's, which forgets the finding first
  HttpReply reply;
  std::size_t header_bytes = 0;
  std::int64_t date = -1;           // of the answer, seconds since 1970
  std::int64_t last_modified = -1;  // of the document
  std::string length;               // Content-Length, as it was written
  std::string malformed;            // what is wrong with the head, found here
  bool is_chunked = false;          // the body says by itself where it ends
  bool asked_again = false;  // libcurl wants another connection: the server took no request on this
  bool too_large = false;
  bool writes = false;       // libcurl has more to send
  bool enough = false;       // stopped by us with all that was wanted
  SteadyTime started{};
  EventLoop::Timer refused;  // of a transfer that could not begin, or not yet
  char error_text[CURL_ERROR_SIZE] = {};
  std::unique_ptr<CURL, FreeEasy> easy;  // last: it goes first, and points to the others
};

/// So many bytes of headers an answer may have.
inline constexpr std::size_t kHeaderBytesMax = 32768;

/// The status of the answer so far, 0 for none.
[[nodiscard]] int status_of(const HttpTransfer& transfer);

/// While held back, what a request with a body writes waits for the rest, so that its headers leave
/// with the body (TCP_CORK, 200 ms at most). A gRPC server that says no to the headers alone resets
/// the stream, and libcurl then drops what it said.
void hold_back(HttpTransfer& transfer, bool held);

/// Whether `connection` leads where the request wants to, or to nobody any more.
[[nodiscard]] bool leads_to_peer(const Descriptor& connection, const HttpRequest& request);

/// More bytes than an answer to the request has before any of it is delivered, its handshake and
/// headers among them.
[[nodiscard]] std::size_t bytes_max_of(const HttpRequest& request);

/// Makes the handle and sets every option that matters; none is inherited. Its sockets are closed
/// by `close_socket(closer, socket)`.
Result<void> set_up_transfer(HttpTransfer& transfer, TlsTrust& trust,
                             curl_closesocket_callback close_socket, void* closer);

/// What became of it, once libcurl is done.
HttpReply judge_transfer(HttpTransfer& transfer, CURLcode code);

}  // namespace hostspin
