#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "event_loop.h"
#include "http_client.h"
#include "tcp_connect.h"

namespace hostspin {

/// What an instance's role may sign with, for some hours.
struct InstanceKeys {
  std::string id;
  std::string secret;
  std::string token;
};

/// Asks the metadata service of the cloud that this machine runs in (IMDSv2: a token first) for the
/// keys of its role: once in a session, by the service's fixed address.
class InstanceCredentials {
 public:
  using Done = std::function<void(const Result<InstanceKeys>& keys)>;

  InstanceCredentials(EventLoop& loop, HttpClient& http) : loop_(loop), http_(http) {}
  InstanceCredentials(const InstanceCredentials&) = delete;
  InstanceCredentials& operator=(const InstanceCredentials&) = delete;
  ~InstanceCredentials();

  /// `done` is called once, never from within this call.
  void get(Done done);
  /// The port that is asked.
  static constexpr std::uint16_t kPort = 80;

 private:
  using Next = std::function<void(std::string body)>;
  using Refusals = std::map<int, std::string>;  // what a status means for one question

  void ask(std::string method, const std::string& path, std::string header, Refusals refusals,
           Next next);
  void ask_role();
  void ask_keys(const std::string& role);
  void take_keys(const std::string& role, const std::string& body);
  void finish(Result<InstanceKeys> keys);

  EventLoop& loop_;
  HttpClient& http_;
  std::string token_;  // of the metadata service itself
  std::unique_ptr<TcpConnect> connect_;
  HttpClient::Ticket ticket_ = 0;
  std::optional<Result<InstanceKeys>> keys_;
  std::vector<Done> waiting_;
  EventLoop::Timer tell_;
};

}  // namespace hostspin
