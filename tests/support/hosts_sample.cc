#include "hosts_sample.h"

#include "catch.h"

namespace hostspin {

Pin make_pin(std::string_view address, std::string_view name) {
  return {IPAddress::parse(address).value(), HostName::parse(name).value()};
}

std::vector<Pin> sample_pins() {
  return {make_pin("10.1.2.3", "db.svc.example.com"),
          make_pin("2001:db8:10::3", "db.svc.example.com"),
          make_pin("10.1.2.3", "db1.svc.example.com")};
}

std::vector<Pin> changed_pins() {
  return {make_pin("10.1.2.4", "db.svc.example.com"), make_pin("10.1.2.4", "db1.svc.example.com"),
          make_pin("10.1.2.5", "queue.svc.example.com")};
}

std::string make_block(const std::vector<Pin>& pins, std::int64_t version) {
  Result<std::string> block =
      render_block_lines({"prod.example", 1, version, "0123456789abcdef"}, pins);
  REQUIRE(block);
  return std::move(*block);
}

}  // namespace hostspin
