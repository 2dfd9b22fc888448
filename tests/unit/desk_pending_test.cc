#include <string>

#include "catch.h"
#include "pending.h"

namespace hostspin::desk {

TEST_CASE("a pending note stands beside its draft, under the draft's name", "[desk]") {
  CHECK(pending_path("manifest.toml") == "manifest.pending.note");
  CHECK(pending_path("a/root-2.toml") == "a/root-2.pending.note");
  CHECK(pending_path("a.toml/root") == "a.toml/root.pending.note");
  CHECK(pending_path("out.note") == "out.pending.note");
  CHECK(pending_path("v1.2") == "v1.2.pending.note");
  CHECK(pending_path("a/.toml") == "a/.toml.pending.note");
  CHECK(pending_path("a/x.pending.note") == "a/x.pending.note");
  CHECK(is_pending_path("a/x.pending.note"));
  CHECK_FALSE(is_pending_path("a/.pending.note"));
  CHECK_FALSE(is_pending_path("x.note"));
}

TEST_CASE("a complete note goes to its own name, where no other is given", "[desk]") {
  CHECK(completed_path("manifest.toml") == "manifest.toml");
  CHECK(completed_path("manifest.note") == "manifest.note");
  CHECK(completed_path("a/manifest.pending.note") == "a/manifest.note");
}

}  // namespace hostspin::desk
