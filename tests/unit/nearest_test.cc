#include "nearest.h"

#include "catch.h"

using namespace hostspin;

namespace {

const std::vector<std::string> kCommands = {"apply", "refresh", "verify", "status", "diff",
                                            "hold",  "release", "remove", "repair", "runbook"};

}  // namespace

TEST_CASE("a slip is a letter left out, added, replaced, or two swapped", "[nearest]") {
  CHECK(slips_between("verify", "verify") == 0);
  CHECK(slips_between("verfy", "verify") == 1);
  CHECK(slips_between("verifyy", "verify") == 1);
  CHECK(slips_between("verify", "veriey") == 1);
  CHECK(slips_between("verfiy", "verify") == 1);
  CHECK(slips_between("", "abc") == 3);
  CHECK(slips_between("kitten", "sitting") == 3);
  CHECK(slips_between(std::string(300, 'a'), std::string(300, 'a')) == 0);
}

TEST_CASE("the nearest word is named, and none where none is near", "[nearest]") {
  CHECK(nearest("verfiy", kCommands) == "verify");
  CHECK(nearest("reapir", kCommands) == "repair");
  CHECK(nearest("dif", kCommands) == "diff");
  CHECK(nearest("run", kCommands) == "runbook");  // the only one that it begins
  CHECK(nearest("Status", kCommands) == "status");
  CHECK_FALSE(nearest("zap", kCommands));
  CHECK_FALSE(nearest("x", kCommands));
  CHECK_FALSE(nearest("", kCommands));
  CHECK_FALSE(nearest("encrypt", kCommands));
  CHECK_FALSE(nearest("verify", {}));
  CHECK(nearest("db", {"db.svc.example.com", "api.svc.example.com"}) == "db.svc.example.com");
  CHECK(nearest("ldap.exmaple.com", {"ldap.example.com", "db.example.com"}) == "ldap.example.com");
  CHECK(did_you_mean("verfiy", kCommands) == "did you mean 'verify'? ");
  CHECK(did_you_mean("zap", kCommands).empty());
}
