#include "route_facts.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "descriptor.h"

namespace hostspin {
namespace {

constexpr std::size_t kReplyBytesMax = 8192;
constexpr std::size_t kDumpBytesMax = 32768;  // as much as the kernel puts into a part
constexpr std::size_t kDumpPartsMax = 64;     // all but the first hold what leads nowhere

constexpr std::size_t aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

std::size_t address_size(const IPAddress& address) { return address.is_v6() ? 16 : 4; }

unsigned char family_of(const IPAddress& address) { return address.is_v6() ? AF_INET6 : AF_INET; }

template <typename Part>
void append(std::string& message, const Part& part) {
  std::array<char, sizeof part> bytes;
  std::memcpy(bytes.data(), &part, sizeof part);
  message.append(bytes.data(), bytes.size());
}

// A request of one header and one attribute, an address.
template <typename Head>
std::string request(std::uint16_t type, const Head& head, std::uint16_t attribute,
                    const IPAddress& address) {
  std::string message;
  rtattr tag{};
  tag.rta_len = static_cast<std::uint16_t>(sizeof tag + address_size(address));
  tag.rta_type = attribute;
  nlmsghdr start{};
  start.nlmsg_len = static_cast<std::uint32_t>(sizeof start + sizeof head + tag.rta_len);
  start.nlmsg_type = type;
  start.nlmsg_flags = NLM_F_REQUEST;
  append(message, start);
  append(message, head);
  append(message, tag);
  message.append(reinterpret_cast<const char*>(address.bytes().data()), address_size(address));
  return message;
}

// What follows the netlink header of the one answer of type `type`; empty for an error. The kernel
// answers before sendto(2) returns, so nothing is waited for.
std::string ask(const Descriptor& netlink, const std::string& question, std::uint16_t type) {
  const ssize_t sent = ::send(netlink.get(), question.data(), question.size(), 0);
  if (sent != static_cast<ssize_t>(question.size())) return {};
  std::array<char, kReplyBytesMax> bytes;
  const ssize_t size = ::recv(netlink.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  nlmsghdr start{};
  if (size < static_cast<ssize_t>(sizeof start)) return {};
  std::memcpy(&start, bytes.data(), sizeof start);
  if (start.nlmsg_type != type || start.nlmsg_len > static_cast<std::size_t>(size) ||
      start.nlmsg_len < sizeof start) {
    return {};
  }
  return {bytes.data() + sizeof start, start.nlmsg_len - sizeof start};
}

// The attribute's bytes; empty where there is none.
std::string_view attribute(std::string_view attributes, std::uint16_t type) {
  while (attributes.size() >= sizeof(rtattr)) {
    rtattr tag{};
    std::memcpy(&tag, attributes.data(), sizeof tag);
    if (tag.rta_len < sizeof tag || tag.rta_len > attributes.size()) return {};
    if (tag.rta_type == type) return attributes.substr(sizeof tag, tag.rta_len - sizeof tag);
    attributes.remove_prefix(std::min(aligned(tag.rta_len), attributes.size()));
  }
  return {};
}

std::optional<IPAddress> to_address(std::string_view bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  return IPAddress::from_bytes(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                               bytes.size() == 16);
}

std::optional<IPAddress> gateway_of(std::string_view attributes) {
  if (const auto gateway = to_address(attribute(attributes, RTA_GATEWAY)); gateway) return gateway;
  // RTA_VIA: a gateway of the other family, after the two bytes that name it.
  const std::string_view via = attribute(attributes, RTA_VIA);
  return via.size() > 2 ? to_address(via.substr(2)) : std::nullopt;
}

std::string interface_name(int index) {
  // if_indextoname(3) would open a local socket, which the sandbox does not allow.
  const Descriptor any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq asked{};
  asked.ifr_ifindex = index;
  if (!any || ::ioctl(any.get(), SIOCGIFNAME, &asked) != 0) return std::to_string(index);
  return {asked.ifr_name, strnlen(asked.ifr_name, sizeof asked.ifr_name)};
}

RouteFacts::Neighbour neighbour_state(const Descriptor& netlink, const IPAddress& address,
                                      int interface_index) {
  ndmsg head{};
  head.ndm_family = family_of(address);
  head.ndm_ifindex = interface_index;
  const std::string reply =
      ask(netlink, request(RTM_GETNEIGH, head, NDA_DST, address), RTM_NEWNEIGH);
  if (reply.size() < sizeof head) return RouteFacts::Neighbour::unknown;
  std::memcpy(&head, reply.data(), sizeof head);
  if ((head.ndm_state & (NUD_INCOMPLETE | NUD_FAILED)) != 0) {
    return RouteFacts::Neighbour::unanswered;
  }
  if ((head.ndm_state & (NUD_REACHABLE | NUD_PERMANENT)) != 0) {
    return RouteFacts::Neighbour::alive;
  }
  return RouteFacts::Neighbour::unknown;  // not asked of late
}

// To another machine that is no neighbour by its link alone: what every interface has by itself
// leads nowhere.
bool leads_elsewhere(const rtmsg& route, std::string_view attributes) {
  if (route.rtm_type != RTN_UNICAST) return false;
  const std::optional<IPAddress> to = to_address(attribute(attributes, RTA_DST));
  return !to || !is_forbidden(*to);  // loopback, link-local, multicast
}

// Looks at the routes in one part of the kernel's answer; `done` at its end.
bool any_leads_elsewhere(std::string_view part, bool& done) {
  while (part.size() >= sizeof(nlmsghdr)) {
    nlmsghdr start{};
    std::memcpy(&start, part.data(), sizeof start);
    if (start.nlmsg_len < sizeof start || start.nlmsg_len > part.size()) break;
    const std::string_view body = part.substr(sizeof start, start.nlmsg_len - sizeof start);
    if (start.nlmsg_type == NLMSG_DONE || start.nlmsg_type == NLMSG_ERROR) break;
    rtmsg route{};
    if (start.nlmsg_type == RTM_NEWROUTE && body.size() >= sizeof route) {
      std::memcpy(&route, body.data(), sizeof route);
      if (leads_elsewhere(route, body.substr(std::min(body.size(), aligned(sizeof route))))) {
        return true;
      }
    }
    part.remove_prefix(std::min(aligned(start.nlmsg_len), part.size()));
    if (part.empty()) return false;
  }
  done = true;
  return false;
}

// True where it cannot be told.
bool has_route(bool v6) {
  const Descriptor netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE));
  nlmsghdr start{};
  rtmsg head{};
  start.nlmsg_len = sizeof start + sizeof head;
  start.nlmsg_type = RTM_GETROUTE;
  start.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  head.rtm_family = v6 ? AF_INET6 : AF_INET;
  std::string question;
  append(question, start);
  append(question, head);
  if (!netlink || ::send(netlink.get(), question.data(), question.size(), 0) < 0) return true;
  std::array<char, kDumpBytesMax> bytes;
  bool done = false;
  for (std::size_t parts = 0; !done && parts < kDumpPartsMax; ++parts) {
    const ssize_t size = ::recv(netlink.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size <= 0) return true;
    if (any_leads_elsewhere({bytes.data(), static_cast<std::size_t>(size)}, done)) return true;
  }
  return !done;
}

}  // namespace

bool lacks_family(bool v6) { return !has_route(v6) && has_route(!v6); }

std::string RouteFacts::text() const {
  std::string text = gateway ? "via " + gateway->to_string() + " " : std::string("on the link ");
  text += "dev " + interface_name;
  if (source) text += " from " + source->to_string();
  const std::string_view who = gateway ? "the gateway" : "it";
  if (neighbour == Neighbour::alive) text += ", " + std::string(who) + " answers on the link";
  if (neighbour == Neighbour::unanswered) {
    text += ", " + std::string(who) + " does not answer on the link";
  }
  return text;
}

std::optional<RouteFacts> route_to(const IPAddress& address) {
  const Descriptor netlink(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!netlink) return std::nullopt;
  rtmsg head{};
  head.rtm_family = family_of(address);
  head.rtm_dst_len = static_cast<unsigned char>(address_size(address) * 8);
  const std::string reply =
      ask(netlink, request(RTM_GETROUTE, head, RTA_DST, address), RTM_NEWROUTE);
  if (reply.size() < sizeof head) return std::nullopt;
  const std::string_view attributes =
      std::string_view(reply).substr(std::min(reply.size(), aligned(sizeof head)));
  RouteFacts facts;
  const std::string_view out = attribute(attributes, RTA_OIF);
  if (out.size() != sizeof facts.interface_index) return std::nullopt;
  std::memcpy(&facts.interface_index, out.data(), out.size());
  facts.interface_name = interface_name(facts.interface_index);
  facts.gateway = gateway_of(attributes);
  facts.source = to_address(attribute(attributes, RTA_PREFSRC));
  facts.neighbour =
      neighbour_state(netlink, facts.gateway.value_or(address), facts.interface_index);
  return facts;
}

}  // namespace hostspin
