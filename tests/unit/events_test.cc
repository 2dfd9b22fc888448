#include "events.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>
#include <thread>

#include "app_world.h"
#include "catch.h"
#include "worker_process_connection.h"

using namespace hostspin;

namespace {

/// A journald that listens below `root`, and reads only when it is told to.
OwnedFd listening_journal(const std::string& root) {
  const std::string path = root + std::string(kJournalSocket);
  std::filesystem::create_directories(path.substr(0, path.rfind('/')));
  // Through the directory: the whole path may not fit into an address.
  const OwnedFd directory(open(path.substr(0, path.rfind('/')).c_str(), O_PATH | O_CLOEXEC));
  const std::string name = "/proc/self/fd/" + std::to_string(directory.get()) + "/socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  name.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

}  // namespace

TEST_CASE("every kind of event has a name and a message ID of its own", "[events]") {
  std::set<std::string_view> names;
  std::set<std::string_view> ids;
  for (std::size_t i = 0; i < kEventKinds; ++i) {
    const auto kind = static_cast<EventKind>(i);
    CAPTURE(event_name(kind));
    CHECK(names.insert(event_name(kind)).second);
    CHECK(ids.insert(event_message_id(kind)).second);
    CHECK(event_message_id(kind).size() == 32);
    CHECK(event_message_id(kind).find_first_not_of("0123456789abcdef") == std::string_view::npos);
    CHECK(event_from_name(event_name(kind)) == kind);
  }
  CHECK_FALSE(event_from_name("no_such_event"));
}

TEST_CASE("an event reaches the supervisor whole", "[events]") {
  const Event event{EventKind::writer_fight,
                    true,
                    "writer_fight: over, after 5 min",
                    {{"HOSTSPIN_WRITER", "cloud-init"}, {"HOSTSPIN_PATH", "/etc/hosts"}}};
  const std::string line = format_event_line(event);
  REQUIRE(line.back() == '\n');
  const std::optional<Event> read =
      parse_event_line(std::string_view(line).substr(0, line.size() - 1));
  REQUIRE(read);
  CHECK(read->kind == event.kind);
  CHECK(read->cleared);
  CHECK(read->message == event.message);
  CHECK(read->fields == event.fields);
  CHECK(read->number == 0);
}

TEST_CASE("an alarm's number reaches the supervisor, and no log", "[events]") {
  for (const bool cleared : {false, true}) {
    const Event event{EventKind::root_expired, cleared, "m", {}, 6777216000000001};
    const std::string line = format_event_line(event);
    const std::optional<Event> read =
        parse_event_line(std::string_view(line).substr(0, line.size() - 1));
    REQUIRE(read);
    CHECK(read->cleared == cleared);
    CHECK(read->number == event.number);
    CHECK(read->message == "m");
    for (const auto& [key, value] : journal_fields(event)) {
      CHECK(value.find("6777216000000001") == std::string::npos);
    }
  }
  CHECK(parse_event_line("@event\theld\tcleared x\tm")->number == 0);
}

TEST_CASE("foreign text cannot forge a second event", "[events]") {
  Event event{EventKind::source_failed, false, "x\n@event\theld\t-\tforged", {}};
  event.fields = {{"HOSTSPIN_SOURCE", "a\tMESSAGE=forged\nb"}};
  const std::string line = format_event_line(event);
  CHECK(line.find('\n') == line.size() - 1);
  const std::optional<Event> read =
      parse_event_line(std::string_view(line).substr(0, line.size() - 1));
  REQUIRE(read);
  CHECK(read->kind == EventKind::source_failed);
  REQUIRE(read->fields.size() == 1);
  CHECK(read->fields[0].second == "a MESSAGE=forged b");
}

TEST_CASE("other lines are neither events nor hints", "[events]") {
  for (const char* line :
       {"", "OK: manifest 5", "@event", "@event\tno_such_event\t-\tx", "@eventful"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_event_line(line));
  }
  for (const char* line : {"", "@hint", "@hint x", "@hint x=", "@hint x=1y", "hint x=1"}) {
    CAPTURE(line);
    CHECK_FALSE(parse_hint_line(line));
  }
  const std::optional<Hint> hint = parse_hint_line("@hint back_off_ms=1500");
  REQUIRE(hint);
  CHECK(hint->key == "back_off_ms");
  CHECK(hint->value == 1500);
  CHECK(hint->why.empty());
  const std::string line = format_hint_line({"exit", 3, "no space\n@hint exit=0"});
  CHECK(line == "@hint exit=3 no space @hint exit=0\n");
  const std::optional<Hint> reasoned =
      parse_hint_line(std::string_view(line).substr(0, line.size() - 1));
  REQUIRE(reasoned);
  CHECK(reasoned->value == 3);
  CHECK(reasoned->why == "no space @hint exit=0");
}

TEST_CASE("a journal entry: a line a field, and a length before a value of several lines",
          "[events]") {
  CHECK(journal_entry({{"MESSAGE", "a=b"}, {"PRIORITY", "4"}}) == "MESSAGE=a=b\nPRIORITY=4\n");
  CHECK(journal_entry({{"MESSAGE", "a\nb"}}) ==
        std::string("MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n", 20));
  CHECK(journal_entry({{"X", std::string(100000, 'x')}}).size() == kJournalValueBytesMax + 3);
}

TEST_CASE("a journal that takes nothing is waited for once", "[events]") {
  const hostspin::testing::AppWorld world;
  const OwnedFd hung = listening_journal(world.options.root);
  Journal journal(world.options.root);
  const JournalFields entry{{"MESSAGE", "m"}};
  int taken = 0;
  while (journal.send(entry)) REQUIRE(++taken < 100000);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) CHECK_FALSE(journal.send(entry));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));  // not 25

  char byte = 0;
  while (recv(hung.get(), &byte, 1, 0) > 0) {
  }
  CHECK(journal.send(entry));
}

TEST_CASE("the end of a process can wait until its entries were read", "[events]") {
  const hostspin::testing::AppWorld world;
  const OwnedFd listening = listening_journal(world.options.root);
  Journal journal(world.options.root);
  REQUIRE(journal.send({{"MESSAGE", "m"}}));
  std::atomic<int> entries = 0;
  std::thread reader([&] {
    std::array<char, 64> bytes{};
    for (ssize_t size = -1; size != 0;) {  // the end is an empty one
      pollfd waited{listening.get(), POLLIN, 0};
      if (poll(&waited, 1, 10000) != 1) return;
      size = recv(listening.get(), bytes.data(), bytes.size(), 0);
      if (size > 0) ++entries;
    }
  });
  journal.wait_until_read();
  CHECK(entries == 1);
  reader.join();
  CHECK(entries == 1);
}

TEST_CASE("an alarm's entry says whether it was raised or cleared", "[events]") {
  const auto value = [](const JournalFields& fields, const std::string& key) -> std::string {
    for (const auto& [name, text] : fields) {
      if (name == key) return text;
    }
    return "(none)";
  };
  Event event{EventKind::root_expired, false, "m", {}};
  CHECK(value(journal_fields(event), "HOSTSPIN_STATE") == "raised");
  CHECK(value(journal_fields(event), "PRIORITY") == "3");
  event.cleared = true;
  CHECK(value(journal_fields(event), "HOSTSPIN_STATE") == "cleared");
  CHECK(value(journal_fields(event), "PRIORITY") == "5");
  CHECK(value(journal_fields(event), "HOSTSPIN_EVENT") == "root_expired");
  const Event happened{EventKind::manifest_adopted, false, "m", {}};
  CHECK(value(journal_fields(happened), "HOSTSPIN_STATE") == "(none)");
}
