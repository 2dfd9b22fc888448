// What replace_file() refuses, and what it makes of a killed run's left-overs.
#include <linux/fs.h>

#include <cerrno>

#include "catch.h"
#include "faulty_file_system.h"
#include "hosts_world.h"
#include "replace_file.h"

using namespace hostspin;

TEST_CASE("an owner that cannot be kept is named, and the file left alone", "[replace]") {
  HostsWorld world;
  world.disk.set_owner(kHosts, 1000, 1000);
  world.disk.may_change_owner = false;
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::foreign_owner);
  CHECK_THAT(done.error().detail, Catch::Contains("uid 1000 gid 1000"));
  CHECK(world.hosts() == kOld);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});

  // Where nothing changes, nothing is asked for.
  world.disk.set_owner(kHosts, 0, 0);
  CHECK(world.apply());
}

TEST_CASE("a loop of symlinks is refused", "[replace]") {
  MemoryFileSystem disk;
  FakeClock clock;
  disk.put_link("/etc/hosts", "/etc/other");
  disk.put_link("/etc/other", "hosts");
  const Result<ReplaceOutcome> done = replace_file(disk, clock, apply_request());
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::symlink_refused);
}

TEST_CASE("refusals are told apart", "[replace]") {
  HostsWorld world;
  const auto refused = [&](Errc code, const std::string& text) {
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE_FALSE(done);
    CHECK(code_name(done.error().code) == code_name(code));
    CHECK_THAT(done.error().detail, Catch::Contains(text));
    CHECK_FALSE(done.error().advice().empty());
    CHECK(world.hosts() == kOld);
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
  };
  SECTION("a bind mount") {
    world.disk.set_mount_point(kHosts);
    refused(Errc::bind_mount, "is a mount point");
    CHECK(world.disk.calls_of("create") == 0);
  }
  SECTION("a bind mount on a kernel that cannot tell") {
    world.disk.set_mount_point(kHosts);
    world.disk.has_mount_query = false;
    refused(Errc::bind_mount, "something is mounted on it");
  }
  SECTION("an immutable file") {
    world.disk.set_flags(kHosts, FS_IMMUTABLE_FL);
    refused(Errc::immutable, "'/etc/hosts' is immutable (chattr +i)");
    CHECK(world.disk.calls_of("create") == 0);
  }
  SECTION("an append-only directory, which would not let go of a temporary file") {
    world.disk.set_flags("/etc", FS_APPEND_FL);
    refused(Errc::immutable, "directory '/etc' is append-only (chattr +a)");
    CHECK(world.disk.calls_of("create") == 0);
  }
}

TEST_CASE("a failed call is named by its errno", "[replace]") {
  struct Row {
    const char* call;
    int error;
    Errc code;
  };
  const std::vector<Row> rows = {{"create", EROFS, Errc::read_only},
                                 {"create", EACCES, Errc::denied},
                                 {"create", ENOSPC, Errc::disk_full},
                                 {"create", EDQUOT, Errc::disk_full},
                                 {"create", EPERM, Errc::denied},
                                 {"write", ENOSPC, Errc::disk_full},
                                 {"allocate", EDQUOT, Errc::disk_full},
                                 {"write", EIO, Errc::io_error},
                                 {"sync", EIO, Errc::io_error},
                                 {"exchange", EBUSY, Errc::bind_mount},
                                 {"exchange", EROFS, Errc::read_only},
                                 {"change_owner", EPERM, Errc::foreign_owner},
                                 {"set_attribute", EPERM, Errc::denied},
                                 {"open_read", EACCES, Errc::denied},
                                 {"open_directory", ENOENT, Errc::not_found}};
  for (const Row& row : rows) {
    CAPTURE(row.call, row.error);
    bool seen = false;
    for (int step = 0; step < 200 && !seen; ++step) {
      HostsWorld world;
      world.disk.set_owner(kHosts, 0, 7);
      world.disk.set_attribute_of(kHosts, "user.note", "mine");
      FaultyFileSystem fs(world.disk, step, {row.error, false, false, false});
      const Result<ReplaceOutcome> done = replace_file(fs, world.clock, apply_request());
      if (fs.struck() != row.call) continue;
      seen = true;
      REQUIRE_FALSE(done);
      CHECK(code_name(done.error().code) == code_name(row.code));
      CHECK(world.hosts() == kOld);
    }
    CHECK(seen);
  }
}

TEST_CASE("a refused exchange is a rename, and what refuses that as well is told", "[replace]") {
  HostsWorld world;
  SECTION("by a filter that knows no exchange") {
    world.disk.has_exchange = false;
    world.disk.no_exchange_error = EPERM;
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->written);
    CHECK(world.hosts() == with_block(kOld));
  }
  SECTION("by a filter that knows no exchange, where there is no file") {
    world.disk.has_exchange = false;
    world.disk.no_exchange_error = EPERM;
    world.disk.remove(kHosts);
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->created);
  }
  SECTION("by whatever forbids to replace this file") {
    world.disk.may_rename = false;
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::denied);
    CHECK_THAT(done.error().detail, Catch::Contains("no immutable flag is set"));
    CHECK(world.hosts() == kOld);
  }
  SECTION("by a flag that was set after it was looked for") {
    world.disk.on_call = [&](const std::string& call) {
      if (call == "exchange") world.disk.set_flags(kHosts, FS_APPEND_FL);
    };
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::immutable);
    CHECK_THAT(done.error().detail, Catch::Contains("append-only (chattr +a)"));
    CHECK(world.hosts() == kOld);
  }
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
}

TEST_CASE("a left-over temporary file is judged before it goes", "[replace]") {
  HostsWorld world;
  SECTION("nothing in it is missing from the file") {
    world.disk.put(kTemp, with_block(kOld));
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->left_overs.empty());
  }
  SECTION("another writer's line is kept, once however often it is found") {
    for (int run = 0; run < 2; ++run) {
      world.disk.put(kTemp, kOld + "10.0.0.8 lost.example\n");
      const Result<ReplaceOutcome> done = world.apply();
      REQUIRE(done);
      CHECK(done->left_overs == std::vector<std::string>{kState + "/hosts.left-1"});
      CHECK(world.disk.content(done->left_overs.at(0)) == kOld + "10.0.0.8 lost.example\n");
    }
    world.disk.put(kTemp, "10.0.0.9 lost.example\n");
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->left_overs == std::vector<std::string>{kState + "/hosts.left-2"});
  }
  SECTION("where there is no state directory yet, /run/hostspin has room") {
    world.disk.put(kTemp, "10.0.0.8 lost.example\n");
    ReplaceRequest request = apply_request();
    request.state_directory = "/var/lib/missing";
    const Result<ReplaceOutcome> done = world.apply(request);
    REQUIRE(done);
    CHECK(done->left_overs == std::vector<std::string>{"/run/hostspin/hosts.left-1"});
  }
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
  CHECK(world.hosts() == with_block(kOld));
}

TEST_CASE("what is not a left-over of ours is not touched", "[replace]") {
  HostsWorld world;
  SECTION("a symlink") { world.disk.put_link(kTemp, "/etc/passwd"); }
  SECTION("a directory") { world.disk.put_directory(kTemp); }
  SECTION("somebody else's file") {
    world.disk.put(kTemp, "x\n");
    world.disk.set_owner(kTemp, 1000, 1000);
  }
  const FileStatus before = world.disk.status_of(kTemp);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::denied);
  CHECK(world.disk.status_of(kTemp).inode == before.inode);
  CHECK(world.hosts() == kOld);
}
