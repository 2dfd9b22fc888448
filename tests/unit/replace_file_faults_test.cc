#include "replace_file.h"

// Every single call failing, cut short, killed, or followed by a power cut.
#include <cerrno>

#include "catch.h"
#include "faulty_file_system.h"
#include "hosts_world.h"

using namespace hostspin;

TEST_CASE("whichever call fails, the file is the old one or the new one", "[replace][sweep]") {
  const int error = GENERATE(EIO, ENOSPC, EDQUOT, EPERM, EBUSY, EROFS, EACCES, ENOMEM, EINTR);
  const bool happens = GENERATE(false, true);
  const bool has_exchange = GENERATE(true, false);
  for (int step = 0;; ++step) {
    CAPTURE(error, happens, has_exchange, step);
    HostsWorld world;
    world.disk.has_exchange = has_exchange;
    world.disk.set_owner(kHosts, 0, 7);
    world.disk.set_attribute_of(kHosts, "user.note", "mine");
    FaultyFileSystem fs(world.disk, step, {error, false, happens, false});
    const Result<ReplaceOutcome> done = replace_file(fs, world.clock, apply_request());
    CAPTURE(fs.struck());
    const std::string now = world.hosts();
    CHECK((now == kOld || now == with_block(kOld)));
    if (done) {
      CHECK(done->written);
      CHECK(world.disk.survivors(kHosts) == std::set<std::optional<std::string>>{with_block(kOld)});
    } else {
      CHECK_FALSE(done.error().detail.empty());
    }
    // An interrupted call is begun again, whichever it is.
    if (error == EINTR && !happens) CHECK(done);

    // The next run, another process, puts everything right, and clears up.
    world.disk.kill_process();
    REQUIRE(replace_file(world.disk, world.clock, apply_request()));
    CHECK(world.hosts() == with_block(kOld));
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
    for (const std::string& name : world.disk.names(kState)) CHECK(name == "hosts.prev");
    if (!fs.fired()) break;
  }
}

TEST_CASE("a call that does half its work is finished", "[replace][sweep]") {
  for (int step = 0;; ++step) {
    CAPTURE(step);
    HostsWorld world;
    FaultyFileSystem fs(world.disk, step, {0, false, false, true});
    REQUIRE(replace_file(fs, world.clock, apply_request()));
    CHECK(world.hosts() == with_block(kOld));
    if (!fs.fired()) break;
  }
}

TEST_CASE("a kill at any call leaves old or new, and no litter after the next run",
          "[replace][sweep]") {
  const bool happens = GENERATE(false, true);
  const bool has_exchange = GENERATE(true, false);
  for (int step = 0;; ++step) {
    CAPTURE(happens, has_exchange, step);
    HostsWorld world;
    world.disk.has_exchange = has_exchange;
    FaultyFileSystem fs(world.disk, step, {EIO, true, happens, false});
    (void)replace_file(fs, world.clock, apply_request());
    world.disk.kill_process();
    CHECK((world.hosts() == kOld || world.hosts() == with_block(kOld)));

    const Result<ReplaceOutcome> next = replace_file(world.disk, world.clock, apply_request());
    REQUIRE(next);
    CHECK(next->left_overs.empty());
    CHECK(world.hosts() == with_block(kOld));
    // A plain rename leaves no trace by which the next run could tell that the sync is still to
    // come.
    if (has_exchange)
      CHECK(world.disk.survivors(kHosts) == std::set<std::optional<std::string>>{with_block(kOld)});
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
    CHECK(world.disk.names("/run/hostspin").empty());
    for (const std::string& name : world.disk.names(kState)) CHECK(name == "hosts.prev");
    if (!fs.fired()) break;
  }
}

TEST_CASE("a power cut at any call leaves old or new, never anything else", "[replace][sweep]") {
  const bool names_persist = GENERATE(false, true);
  const bool bytes_persist = GENERATE(false, true);
  const bool has_exchange = GENERATE(true, false);
  for (int step = 0;; ++step) {
    CAPTURE(names_persist, bytes_persist, has_exchange, step);
    HostsWorld world;
    world.disk.has_exchange = has_exchange;
    FaultyFileSystem fs(world.disk, step, {EIO, true, false, false});
    const Result<ReplaceOutcome> done = replace_file(fs, world.clock, apply_request());
    for (const std::optional<std::string>& left : world.disk.survivors(kHosts))
      CHECK((left == kOld || left == with_block(kOld)));
    world.disk.power_cut(names_persist, bytes_persist);
    if (done) CHECK(world.hosts() == with_block(kOld));

    REQUIRE(replace_file(world.disk, world.clock, apply_request()));
    CHECK(world.hosts() == with_block(kOld));
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
    if (!fs.fired()) break;
  }
}

TEST_CASE("a file that is made survives a power cut at any call, or is not there",
          "[replace][sweep]") {
  for (int step = 0;; ++step) {
    CAPTURE(step);
    HostsWorld world;
    world.disk.remove(kHosts);
    world.disk.power_cut(true, true);
    FaultyFileSystem fs(world.disk, step, {EIO, true, false, false});
    (void)replace_file(fs, world.clock, apply_request());
    for (const std::optional<std::string>& left : world.disk.survivors(kHosts))
      CHECK((!left || *left == with_block(std::string(kNewHostsFile))));
    if (!fs.fired()) break;
  }
}

TEST_CASE("a kill while the file is made leaves nothing to keep", "[replace][sweep]") {
  for (int step = 0;; ++step) {
    CAPTURE(step);
    HostsWorld world;
    world.disk.remove(kHosts);
    FaultyFileSystem fs(world.disk, step, {EIO, true, false, false});
    (void)replace_file(fs, world.clock, apply_request());
    world.disk.kill_process();
    const Result<ReplaceOutcome> next = world.apply();
    REQUIRE(next);
    CHECK(next->left_overs.empty());
    CHECK(world.hosts() == with_block(std::string(kNewHostsFile)));
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
    if (!fs.fired()) break;
  }
}

TEST_CASE("in place: a kill leaves no end of the longer file before",
          "[replace][in-place][sweep]") {
  const std::string longer = with_block(kOld) + "10.0.0.9 z.example\n";
  ReplaceRequest request;
  request.state_directory = kState;
  request.mode = WriteMode::in_place;
  request.edit = [](std::string_view, bool) -> Result<std::optional<Pieces>> {
    return std::optional<Pieces>(std::string_view(kOld));
  };
  for (int step = 0;; ++step) {
    CAPTURE(step);
    HostsWorld world(longer);
    world.disk.set_mount_point(kHosts);
    FaultyFileSystem fs(world.disk, step, {EIO, true, false, false});
    (void)replace_file(fs, world.clock, request);
    world.disk.kill_process();
    const std::string now = world.hosts();
    const bool is_new =
        now.starts_with(kOld) && now.find_first_not_of('\n', kOld.size()) == std::string::npos;
    CHECK((now == longer || is_new));
    if (!fs.fired()) break;
  }
}

TEST_CASE("in place: the run after a kill has every foreign byte again",
          "[replace][in-place][sweep]") {
  const bool half_done = GENERATE(false, true);
  const std::string edit = GENERATE("", "10.0.0.7\tmeanwhile.example\n");
  for (int step = 0;; ++step) {
    CAPTURE(half_done, edit, step);
    HostsWorld world;
    world.disk.set_mount_point(kHosts);
    ReplaceRequest request = apply_request();
    request.mode = WriteMode::in_place;
    FaultyFileSystem fs(world.disk, step, {EIO, true, half_done, false});
    (void)replace_file(fs, world.clock, request);
    world.disk.kill_process();
    if (!edit.empty()) world.disk.append(kHosts, edit);
    const Result<ReplaceOutcome> next = world.apply(request);
    if (edit.empty()) {
      REQUIRE(next);
      CHECK(world.hosts() == with_block(kOld));
      CHECK(next->left_overs.empty());
    } else {  // no mixture any more that can only be ours: nothing is guessed
      CHECK_THAT(world.hosts(), Catch::EndsWith(edit));
      CHECK((!holds_lost_lines(kOld, world.hosts()) ||
             world.disk.content(kState + "/hosts.left-1") == kOld));
    }
    CHECK_FALSE(world.disk.content(kState + "/hosts.next"));
    if (!fs.fired()) break;
  }
}

TEST_CASE("in place: a failed write is undone", "[replace][in-place][sweep]") {
  const int error = GENERATE(EIO, ENOSPC);
  const bool happens = GENERATE(false, true);
  for (int step = 0;; ++step) {
    CAPTURE(error, happens, step);
    HostsWorld world;
    world.disk.set_mount_point(kHosts);
    ReplaceRequest request = apply_request();
    request.mode = WriteMode::in_place;
    FaultyFileSystem fs(world.disk, step, {error, false, happens, false});
    const Result<ReplaceOutcome> done = replace_file(fs, world.clock, request);
    CAPTURE(fs.struck());
    CHECK((world.hosts() == kOld || world.hosts() == with_block(kOld)));
    if (done) CHECK(world.hosts() == with_block(kOld));
    if (!fs.fired()) break;
  }
}

TEST_CASE("state files are replaced whole", "[replace][sweep]") {
  for (int step = 0;; ++step) {
    CAPTURE(step);
    HostsWorld world;
    world.disk.put(kState + "/manifest.note", "old");
    FaultyFileSystem fs(world.disk, step, {EIO, true, false, false});
    const Result<void> done =
        write_state_file(fs, "/", kState, "manifest.note", "new", /*durable=*/true);
    for (const std::optional<std::string>& left : world.disk.survivors(kState + "/manifest.note"))
      CHECK((left == "old" || left == "new"));
    if (done)
      CHECK(world.disk.survivors(kState + "/manifest.note") ==
            std::set<std::optional<std::string>>{"new"});
    world.disk.kill_process();
    REQUIRE(write_state_file(world.disk, "/", kState, "manifest.note", "newer", true));
    CHECK(world.disk.names(kState) == std::vector<std::string>{"manifest.note"});
    CHECK(world.disk.status_of(kState + "/manifest.note").mode == 0644);
    if (!fs.fired()) break;
  }
}
