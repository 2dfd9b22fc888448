#pragma once

#include <curl/curl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "http_client.h"

// One transfer as libcurl sees it. Private to http_client.cc and http_transfer.cc.
namespace hostspin {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, FreeList>;

struct HttpTransfer {
  HttpTransfer(HttpRequest asked, Descriptor connected, HttpClient::Done told)
      : request(std::move(asked)), socket(std::move(connected)), done(std::move(told)) {}

  HttpRequest request;
  Descriptor socket;
  HttpClient::Done done;

  CurlList resolve;
  CurlList connect_to;
  CurlList headers;
  X509_STORE* store = nullptr;
  TlsTrust* trust = nullptr;
  TlsFinding finding;
  HttpReply reply;
  std::size_t header_bytes = 0;
  std::int64_t date = -1;           // of the answer, seconds since 1970
  std::int64_t last_modified = -1;  // of the document
  bool too_large = false;
  bool writes = false;  // libcurl has more to send
  bool enough = false;  // stopped by us with all that was wanted
  SteadyTime started{};
  EventLoop::Timer refused;  // of a transfer that could not begin
  char error_text[CURL_ERROR_SIZE] = {};
  std::unique_ptr<CURL, FreeEasy> easy;  // last: it goes first, and points to the others
};

/// While held back, what a request with a body writes waits for the rest, so that its headers leave
/// with the body (TCP_CORK, 200 ms at most). A gRPC server that says no to the headers alone resets
/// the stream, and libcurl then drops what it said.
void hold_back(const HttpTransfer& transfer, curl_socket_t socket, bool held);

/// Makes the handle and sets every option that matters; none is inherited.
Result<void> set_up_transfer(HttpTransfer& transfer, TlsTrust& trust, LingeringClose& lingering);

/// What became of it, once libcurl is done.
HttpReply judge_transfer(HttpTransfer& transfer, CURLcode code);

}  // namespace hostspin
