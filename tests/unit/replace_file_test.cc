#include "replace_file.h"

#include <linux/fs.h>

#include <cerrno>

#include "catch.h"
#include "faulty_file_system.h"
#include "hosts_world.h"

using namespace hostspin;

TEST_CASE("the file is replaced, and the old bytes are kept", "[replace]") {
  HostsWorld world;
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(done->written);
  CHECK_FALSE(done->created);
  CHECK(done->rebases == 0);
  CHECK_FALSE(done->writer_busy);
  CHECK(world.hosts() == with_block(kOld));
  CHECK(done->previous == kState + "/hosts.prev");
  CHECK(world.disk.content(done->previous) == kOld);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
  CHECK(world.disk.open_handles() == 0);
}

TEST_CASE("right bytes are not written again: no temporary file, no sync, same inode",
          "[replace]") {
  HostsWorld world(with_block(kOld));
  const FileStatus before = world.disk.status_of(kHosts);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK_FALSE(done->written);
  CHECK(world.disk.status_of(kHosts).inode == before.inode);
  CHECK(world.disk.status_of(kHosts).mtime_ns == before.mtime_ns);
  CHECK(world.disk.calls_of("create") == 0);
  CHECK(world.disk.calls_of("sync") == 0);
  CHECK(world.disk.calls_of("exchange") == 0);

  ReplaceRequest same = apply_request();
  same.edit = [](std::string_view bytes, bool) {
    return Result<std::optional<std::string>>(std::string(bytes));
  };
  REQUIRE(world.apply(same));
  CHECK(world.disk.calls_of("create") == 0);
}

TEST_CASE("an error of the edit leaves everything as it is", "[replace]") {
  HostsWorld world("# BEGIN hostspin\n");
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::damaged_markers);
  CHECK(world.hosts() == "# BEGIN hostspin\n");
  CHECK(world.disk.calls_of("create") == 0);
}

TEST_CASE("a file above the limit is refused by name, and nothing is made or taken away",
          "[replace]") {
  HostsWorld world(std::string(kHostsBytesMax + 1, '\n'));
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::hosts_too_large);
  CHECK(done.error().detail ==
        "'/etc/hosts' is larger than 64 MiB, which is more than hostspin takes on");
  CHECK(world.hosts().size() == kHostsBytesMax + 1);
  CHECK(world.disk.calls_of("create") == 0);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
}

TEST_CASE("a block that would lift the file above the limit is refused before it is written",
          "[replace]") {
  std::string hosts = "127.0.0.1 localhost\n";
  hosts.resize(kHostsBytesMax, '\n');
  HostsWorld world(hosts);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::hosts_too_large);
  CHECK(world.hosts().size() == kHostsBytesMax);
  CHECK(world.disk.calls_of("create") == 0);
}

TEST_CASE("a missing file is made, once it has stayed missing for a moment", "[replace]") {
  HostsWorld world;
  world.disk.remove(kHosts);
  SECTION("it stays missing") {
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->created);
    CHECK(world.hosts() == with_block(std::string(kNewHostsFile)));
    CHECK(world.disk.status_of(kHosts).mode == 0644);
    CHECK(world.clock.slept() == kSettleTime);
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
  }
  SECTION("its writer finishes meanwhile") {
    world.clock.on_sleep = [&] { world.disk.put(kHosts, kOld); };
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK_FALSE(done->created);
    CHECK(world.hosts() == with_block(kOld));
  }
  SECTION("its writer makes it just before us: its bytes are not overwritten") {
    world.disk.on_call = [&](const std::string& call) {
      if (call == "rename_new") world.disk.put(kHosts, kOld);
    };
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->rebases == 1);
    CHECK(world.hosts() == with_block(kOld));
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
  }
  SECTION("on a file system without renameat2") {
    world.disk.has_exchange = false;
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->created);
    CHECK(world.hosts() == with_block(std::string(kNewHostsFile)));
  }
}

TEST_CASE("a file that looks truncated is given a moment", "[replace]") {
  HostsWorld world("");
  world.clock.on_sleep = [&] { world.disk.rewrite(kHosts, kOld); };
  REQUIRE(world.apply());
  CHECK(world.hosts() == with_block(kOld));
  CHECK(world.clock.slept() == kSettleTime);
}

TEST_CASE("mode, owner, attributes and ACL are carried over, the old time is not", "[replace]") {
  HostsWorld world;
  world.disk.put(kHosts, kOld, 0640);
  world.disk.set_owner(kHosts, 12, 34);
  world.disk.set_mtime_of(kHosts, 5);
  world.disk.set_attribute_of(kHosts, "security.selinux", "net_conf_t");
  world.disk.set_attribute_of(kHosts, "system.posix_acl_access", "acl");
  world.disk.set_attribute_of(kHosts, "user.note", "mine");
  world.disk.set_attribute_of(kHosts, "security.ima", "signature");
  world.disk.set_attribute_of(kHosts, "security.evm", "signature");
  world.disk.set_attribute_of(kHosts, "trusted.overlay.origin", "x");
  std::vector<std::string> order;
  world.disk.on_call = [&](const std::string& call) {
    if (call == "write" || call == "change_owner" || call == "change_mode" ||
        call == "set_attribute" || call == "sync" || call == "exchange" || call == "set_mtime")
      order.push_back(call);
  };

  ReplaceRequest request = apply_request();
  request.state_directory.clear();
  REQUIRE(world.apply(request));
  const FileStatus now = world.disk.status_of(kHosts);
  CHECK(now.mode == 0640);
  CHECK(now.owner == 12);
  CHECK(now.group == 34);
  CHECK(now.mtime_ns > 1'000'000'000);
  CHECK(world.disk.attributes_of(kHosts) ==
        std::map<std::string, std::string>{{"security.selinux", "net_conf_t"},
                                           {"system.posix_acl_access", "acl"},
                                           {"user.note", "mine"}});
  CHECK(order == std::vector<std::string>{"write", "change_owner", "change_mode", "set_attribute",
                                          "set_attribute", "set_attribute", "sync", "set_mtime",
                                          "exchange", "set_mtime", "sync"});
}

TEST_CASE("readers that look at size and time alone see every change", "[replace]") {
  HostsWorld world(with_block(kOld));
  std::string other = with_block(kOld);
  other.replace(other.find("10.1.2.3"), 8, "10.1.2.9");
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(world.clock.now().time_since_epoch())
          .count();
  world.disk.set_mtime_of(kHosts, now);
  ReplaceRequest request = apply_request();
  request.edit = [&](std::string_view, bool) { return Result<std::optional<std::string>>(other); };
  REQUIRE(world.apply(request));
  CHECK(world.disk.status_of(kHosts).size == with_block(kOld).size());
  CHECK(world.disk.status_of(kHosts).mtime_ns > now);
}

TEST_CASE("symlinks are resolved once and stay", "[replace]") {
  MemoryFileSystem disk;
  FakeClock clock;
  disk.put("/real/dir/hosts", kOld);
  disk.put_link("/etc/hosts", "/links/one");
  disk.put_link("/links/one", "two");
  disk.put_link("/links/two", "/real/dir/hosts");
  REQUIRE(replace_file(disk, clock, apply_request()));
  CHECK(disk.content("/real/dir/hosts") == with_block(kOld));
  CHECK(disk.names("/etc") == std::vector<std::string>{"hosts"});
  CHECK(disk.names("/real/dir") == std::vector<std::string>{"hosts"});
  CHECK(disk.status_of("/etc/hosts").kind == FileStatus::Kind::symlink);
}

TEST_CASE("everything happens inside the root", "[replace]") {
  MemoryFileSystem disk;
  FakeClock clock;
  disk.put("/image/etc/hosts.real", kOld);
  disk.put_link("/image/etc/hosts", "/etc/hosts.real");
  disk.put("/etc/hosts.real", "the machine's own\n");
  disk.put_directory("/image/var/lib/hostspin");
  ReplaceRequest request = apply_request();
  request.root = "/image";
  const Result<ReplaceOutcome> done = replace_file(disk, clock, request);
  REQUIRE(done);
  CHECK(disk.content("/image/etc/hosts.real") == with_block(kOld));
  CHECK(disk.content("/etc/hosts.real") == "the machine's own\n");
  CHECK(disk.content("/image/var/lib/hostspin/hosts.prev") == kOld);
}

TEST_CASE("other names of the file are reported", "[replace]") {
  HostsWorld world;
  world.disk.add_link(kHosts, "/etc/hosts.hard");
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(done->hard_linked);
  CHECK(world.disk.content("/etc/hosts.hard") == kOld);
}

TEST_CASE("without RENAME_EXCHANGE the file is compared again and renamed over", "[replace]") {
  HostsWorld world;
  world.disk.has_exchange = false;
  SECTION("nobody interferes") {
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->written);
    CHECK(world.hosts() == with_block(kOld));
    CHECK(world.disk.content(kState + "/hosts.prev") == kOld);
  }
  SECTION("an edit before the comparison is taken over") {
    world.disk.on_call = [&, appended = false](const std::string& call) mutable {
      if (call != "exchange" || std::exchange(appended, true)) return;
      world.disk.append(kHosts, "10.0.0.8 appended.example\n");
    };
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->rebases == 1);
    CHECK(world.hosts() == with_block(kOld + "10.0.0.8 appended.example\n"));
  }
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
}

TEST_CASE("in place: only on a mount point, with a copy kept first", "[replace][in-place]") {
  HostsWorld world;
  ReplaceRequest request = apply_request();
  request.mode = WriteMode::in_place;
  const std::uint64_t inode = world.disk.status_of(kHosts).inode;
  SECTION("no mount point: replaced as ever") {
    REQUIRE(world.apply(request));
    CHECK(world.disk.status_of(kHosts).inode != inode);
  }
  SECTION("a mount point") {
    world.disk.set_mount_point(kHosts);
    world.disk.has_mount_query = GENERATE(true, false);
    const Result<ReplaceOutcome> done = world.apply(request);
    REQUIRE(done);
    CHECK(done->written);
    CHECK(world.disk.status_of(kHosts).inode == inode);
    CHECK(world.disk.survivors(kHosts) == std::set<std::optional<std::string>>{with_block(kOld)});
    CHECK(world.disk.survivors(kState + "/hosts.prev") ==
          std::set<std::optional<std::string>>{kOld});
    CHECK(world.disk.calls_of("open_write") == 1);
    REQUIRE_FALSE(world.apply(request)->written);
  }
  SECTION("shorter than before") {
    world.disk.set_mount_point(kHosts);
    REQUIRE(world.apply(request));
    request.edit = [](std::string_view bytes, bool) -> Result<std::optional<Pieces>> {
      return std::optional<Pieces>(plan_remove(bytes)->after);
    };
    REQUIRE(world.apply(request));
    CHECK(world.hosts() == kOld);
  }
  SECTION("no copy, no writing") {
    world.disk.set_mount_point(kHosts);
    request.state_directory = "/nowhere";
    FaultyFileSystem fs(world.disk, 100000, {});
    world.disk.on_call = nullptr;
    MemoryFileSystem bare;
    bare.put(kHosts, kOld);
    bare.set_mount_point(kHosts);
    CHECK_FALSE(replace_file(bare, world.clock, request));
    CHECK(bare.content(kHosts) == kOld);
  }
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
}

TEST_CASE("state that need not last costs no sync", "[replace]") {
  HostsWorld world;
  REQUIRE(write_state_file(world.disk, "/", kState, "status.json", "{}", /*durable=*/false));
  CHECK(world.disk.calls_of("sync") == 0);
}

TEST_CASE("reading tells missing from unreadable and too large", "[replace]") {
  HostsWorld world;
  const auto read = [&](const std::string& path, std::size_t bytes_max = 100) {
    return read_file(world.disk, "/", path, bytes_max);
  };
  CHECK(read(kHosts).value() == kOld);
  CHECK(read("/etc/none").value() == std::nullopt);
  CHECK(read("/none/none").value() == std::nullopt);
  CHECK(read(kHosts, kOld.size()).value() == kOld);
  CHECK(read(kHosts, kOld.size() - 1).error().code == Errc::io_error);
  CHECK(read("/etc").error().code == Errc::io_error);
  world.disk.put_link("/etc/link", "hosts");
  CHECK(read("/etc/link").value() == kOld);
}

TEST_CASE("the displaced file itself is kept as hosts.prev where it can be moved", "[replace]") {
  HostsWorld world;
  const std::uint64_t old = world.disk.status_of(kHosts).inode;
  SECTION("on the same mount") {
    REQUIRE(world.apply());
    CHECK(world.disk.status_of(kState + "/hosts.prev").inode == old);
  }
  SECTION("elsewhere it is copied") {
    world.disk.is_one_mount = false;
    REQUIRE(world.apply());
    CHECK(world.disk.status_of(kState + "/hosts.prev").inode != old);
  }
  SECTION("and somebody else's file is copied, too") {
    world.disk.set_owner(kHosts, 1234, 1234);
    REQUIRE(world.apply());
    CHECK(world.disk.status_of(kState + "/hosts.prev").owner == 0);
  }
  CHECK(world.disk.content(kState + "/hosts.prev") == kOld);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
}

TEST_CASE("a device, a FIFO or a socket is refused unopened, wherever a file should be",
          "[replace][attack]") {
  HostsWorld world;
  SECTION("the hosts file") {
    world.disk.remove(kHosts);
    world.disk.put_node(kHosts);
    CHECK_THAT(world.apply().error().detail, Catch::Contains("not a regular file"));
  }
  SECTION("what a link leads to") {
    world.disk.remove(kHosts);
    world.disk.put_node("/etc/node");
    world.disk.put_link(kHosts, "node");
    CHECK_THAT(world.apply().error().detail, Catch::Contains("'/etc/node' is not a regular file"));
  }
  SECTION("the temporary file") {
    world.disk.put_node(kTemp);
    CHECK(world.apply().error().code == Errc::denied);
    CHECK(world.hosts() == kOld);
  }
  SECTION("copies") {
    world.disk.is_one_mount = false;
    for (const char* name : {"/hosts.prev", "/hosts.prev.hostspin.tmp"}) {
      world.disk.put_node(kState + name);
    }
    REQUIRE(world.apply());
    CHECK(world.disk.content(kState + "/hosts.prev") == kOld);
  }
  SECTION("a file that is read") {
    world.disk.put_node("/etc/machine-id");
    const auto read = read_file(world.disk, "/", "/etc/machine-id", 100);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::io_error);
  }
  CHECK_FALSE(world.disk.opened_node());
}

TEST_CASE("a plain file where a directory should be is an error, not a missing file", "[replace]") {
  HostsWorld world;
  world.disk.put("/etc/hostspin", "no directory");
  const auto read = read_file(world.disk, "/", "/etc/hostspin/hostspin.toml", 100);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::io_error);
}

TEST_CASE("nobody can read a copy of the hosts file who cannot read the file", "[replace]") {
  struct Case {
    std::uint32_t mode, group;
    bool has_acl;
    std::uint32_t copy;
  };
  const Case one = GENERATE(values<Case>({{0644, 0, false, 0644},
                                          {0640, 0, false, 0640},
                                          {0600, 0, false, 0600},
                                          {0604, 0, false, 0604},
                                          {0666, 0, false, 0644},
                                          {0755, 0, false, 0644},
                                          {0640, 5, false, 0600},
                                          {0644, 5, false, 0644},
                                          {0604, 5, false, 0600},
                                          {0644, 0, true, 0600}}));
  CAPTURE(one.mode, one.group, one.has_acl);
  HostsWorld world;
  world.disk.put(kHosts, kOld, one.mode);
  world.disk.set_owner(kHosts, 0, one.group);
  if (one.has_acl) world.disk.set_attribute_of(kHosts, "system.posix_acl_access", "list");
  std::string copy = kState + "/hosts.prev";
  ReplaceRequest request = apply_request();
  SECTION("another mount") { world.disk.is_one_mount = false; }
  SECTION("without an exchange") { world.disk.has_exchange = false; }
  SECTION("in place") {
    world.disk.set_mount_point(kHosts);
    request.mode = WriteMode::in_place;
    std::uint32_t next_mode = 07777;
    world.disk.on_call = [&](const std::string& call) {
      if (call == "truncate") next_mode = world.disk.status_of(kState + "/hosts.next").mode;
    };
    REQUIRE(world.apply(request));
    CHECK(next_mode == one.copy);
  }
  SECTION("what a killed run left") {
    world.disk.put(kTemp, "10.1.1.1 lost\n", one.mode);
    world.disk.set_owner(kTemp, 0, one.group);
    if (one.has_acl) world.disk.set_attribute_of(kTemp, "system.posix_acl_access", "list");
    copy = kState + "/hosts.left-1";
  }
  REQUIRE(world.apply(request));
  CHECK(world.disk.status_of(copy).mode == one.copy);
}
