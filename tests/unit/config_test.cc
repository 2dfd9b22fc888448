#include "config.h"

#include <filesystem>

#include "app_world.h"
#include "catch.h"
#include "source_url.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

Result<Config> load(const std::string& text) {
  AppWorld world;
  world.write("/etc/hostspin/hostspin.toml", text);
  PosixFileSystem fs;
  return load_config(fs, world.options.root, "/etc/hostspin/hostspin.toml", true);
}

std::string refusal(const std::string& text) {
  const Result<Config> config = load(text);
  REQUIRE_FALSE(config);
  CHECK(config.error().code == Errc::bad_config);
  return config.error().detail + " | " + config.error().hint;
}

}  // namespace

TEST_CASE("an empty configuration is the documented defaults", "[config]") {
  const Config config = value_of(load(""));
  CHECK(config.refresh_interval == std::chrono::minutes(5));
  CHECK(config.refresh_splay == std::chrono::minutes(1));
  CHECK(config.refresh_deadline == std::chrono::seconds(30));
  CHECK(config.verify_deadline == std::chrono::seconds(5));
  CHECK(config.hosts_path == "/etc/hosts");
  CHECK(config.conflicts == ConflictPolicy::report);
  CHECK(config.write == WriteMode::replace);
  CHECK_FALSE(config.keep_block_on_remove);
}

TEST_CASE("an unknown key is refused with file, line and the nearest known one", "[config]") {
  const std::string said = refusal("\n[refresh]\nintervall = \"5m\"\n");
  CHECK(said.find("/etc/hostspin/hostspin.toml:3: refresh.'intervall'") != std::string::npos);
  CHECK(said.find("did you mean 'refresh.interval'?") != std::string::npos);
  CHECK(refusal("refesh = 1\n").find("'refresh'") != std::string::npos);
}

TEST_CASE("values out of range or of another type are refused", "[config]") {
  CHECK(refusal("[refresh]\ninterval = 300\n").find("must be a string") != std::string::npos);
  CHECK(refusal("[refresh]\ndeadline = \"121s\"\n").find("must be from") != std::string::npos);
  CHECK(refusal("[refresh]\ninterval = \"5 m\"\n").find("not a duration") != std::string::npos);
  CHECK(refusal("[hosts]\nconflicts = \"delete\"\n").find("comment-out") != std::string::npos);
  CHECK(refusal("[hosts]\npath = \"etc/hosts\"\n").find("absolute path") != std::string::npos);
  CHECK(refusal("hosts = 1\n").find("must be a table") != std::string::npos);
  CHECK(refusal("[tls.ca]\nsystem = \"/x\"\n").find("'system'") != std::string::npos);
  CHECK(refusal("not toml").find("not valid TOML") != std::string::npos);
}

TEST_CASE("the host's own names are host names, and at most 16", "[config]") {
  CHECK(value_of(load("")).own_names.empty());
  const Config config = value_of(load("[hosts]\nown_names = [\"web1\", \"web1.example.com\"]\n"));
  CHECK(config.own_names == std::vector<std::string>{"web1", "web1.example.com"});
  CHECK(refusal("[hosts]\nown_names = \"web1\"\n").find("hosts.own_names") != std::string::npos);
  CHECK(refusal("[hosts]\nown_names = []\n").find("1 to 16") != std::string::npos);
  CHECK(refusal("[hosts]\nown_names = [\"Web1\"]\n").find("upper-case") != std::string::npos);
  CHECK(refusal("\n[hosts]\nown_names = [1]\n").find(":3: ") != std::string::npos);
  std::string many = "[hosts]\nown_names = [";
  for (int i = 0; i < 17; ++i) many += "\"a" + std::to_string(i) + "\", ";
  CHECK(refusal(many + "]\n").find("1 to 16") != std::string::npos);
}

TEST_CASE("a url with a name and no addresses is refused with the remedy", "[config]") {
  const std::string said = refusal("[[source]]\nurl = \"https://config.example.com/fleet\"\n");
  CHECK(said.find("'config.example.com'") != std::string::npos);
  CHECK(said.find("addresses = [") != std::string::npos);
}

TEST_CASE("sources keep what they say", "[config]") {
  const Config config = value_of(load(
      "[[source]]\nurl = \"https://config.example.com:8443/fleet/\"\naddresses = [\"10.0.0.5\", "
      "\"2001:db8::5\"]\npriority = 3\n[[source]]\nurl = \"file:///srv/fleet\"\n"));
  REQUIRE(config.sources.size() == 2);
  CHECK(config.sources[0].url == "https://config.example.com:8443/fleet");
  CHECK(config.sources[0].addresses.size() == 2);
  CHECK(config.sources[0].priority == 3);
  CHECK(config.sources[1].kind == Source::Kind::file);
  CHECK(config.sources[1].directory == "/srv/fleet");
}

TEST_CASE("an S3 source is fetched from its bucket's own name in its region", "[config]") {
  const auto fetched = [](const std::string& url, const std::string& region) {
    return value_of(load("[[source]]\nurl = \"" + url + "\"\nregion = \"" + region +
                         "\"\naddresses = [\"10.0.0.5\"]\n"))
        .sources[0]
        .fetch_url;
  };
  CHECK(fetched("s3://fleet-notes/prod/", "eu-central-1") ==
        "https://fleet-notes.s3.eu-central-1.amazonaws.com/prod");
  CHECK(fetched("s3://fleet-notes", "cn-north-1") ==
        "https://fleet-notes.s3.cn-north-1.amazonaws.com.cn");
  // One label is all that the certificate's wildcard covers.
  CHECK(fetched("s3://notes.example.com/a", "us-east-1") ==
        "https://s3.us-east-1.amazonaws.com/notes.example.com/a");
}

TEST_CASE("an S3 source without region or addresses is refused, and a region without S3",
          "[config]") {
  CHECK(refusal("[[source]]\nurl = \"s3://fleet-notes/a\"\nregion = \"eu-central-1\"\n")
            .find("there are no addresses") != std::string::npos);
  CHECK(refusal("[[source]]\nurl = \"s3://fleet-notes/a\"\naddresses = [\"10.0.0.5\"]\n")
            .find("source.region: an s3:// url needs one") != std::string::npos);
  CHECK(refusal("[[source]]\nurl = \"http://10.0.0.1/\"\nregion = \"eu-central-1\"\n")
            .find("goes with an s3:// url alone") != std::string::npos);
  for (const char* bad : {"s3://ab/x", "s3://Fleet/x", "s3://fleet_notes/x", "s3://10.0.0.1/x",
                          "s3://a..b/x", "s3://-ab/x", "s3://ab./x", "s3://abc/x+y", "s3:///x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_source_url(bad));
  }
}

TEST_CASE("conf.d is read in byte order: scalars override, sources append", "[config]") {
  AppWorld world;
  world.write("/etc/hostspin/hostspin.toml",
              "[refresh]\ninterval = \"1m\"\n[[source]]\nurl = \"http://10.0.0.1/a\"\n");
  world.write("/etc/hostspin/conf.d/10-a.toml", "[refresh]\ninterval = \"2m\"\n");
  world.write("/etc/hostspin/conf.d/20-b.toml",
              "[refresh]\ninterval = \"3m\"\n[[source]]\nurl = \"http://10.0.0.2/b\"\n");
  world.write("/etc/hostspin/conf.d/30-c.toml.bak", "nonsense");
  PosixFileSystem fs;
  const Config config =
      value_of(load_config(fs, world.options.root, "/etc/hostspin/hostspin.toml", false));
  CHECK(config.refresh_interval == std::chrono::minutes(3));
  REQUIRE(config.sources.size() == 2);
  CHECK(config.sources[1].url == "http://10.0.0.2/b");
}

TEST_CASE("a source's URL is strict: nothing in it that a resolver could be asked for",
          "[config]") {
  for (const char* bad : {"https://10.0.0.256/",
                          "https://010.0.0.1/",
                          "https://0x7f.1/",
                          "https://10.1/",
                          "https://name.example./",
                          "https://user@10.0.0.1/",
                          "https://10.0.0.1:0/",
                          "https://10.0.0.1:99999/",
                          "https://10.0.0.1/a?b",
                          "https://10.0.0.1/a#b",
                          "https://10.0.0.1/%2e",
                          "https:///x",
                          "ftp://10.0.0.1/",
                          "https://[::1/",
                          "https://[10.0.0.1]/",
                          "https://[fe80::1%25eth0]/",
                          "https://2001:db8::1/",
                          "file://host/x",
                          "//10.0.0.1",
                          "",
                          "https://10.0.0.1\n/x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_source_url(bad));
  }
  CHECK(value_of(parse_source_url("https://[2001:db8::1]:8443/x/")).port == 8443);
  CHECK(value_of(parse_source_url("http://10.0.0.1")).port == 80);
  CHECK(value_of(parse_source_url("file:///srv/x/")).path == "/srv/x");
}

TEST_CASE("what of conf.d cannot be read is not left out", "[config]") {
  AppWorld world;
  world.write("/etc/hostspin/hostspin.toml", "");
  PosixFileSystem fs;
  const auto load_all = [&] {
    return load_config(fs, world.options.root, "/etc/hostspin/hostspin.toml", true);
  };
  CHECK(load_all());  // there is no such directory
  const std::string directory = world.options.root + "/etc/hostspin/conf.d";
  SECTION("another thing than a directory") {
    world.write("/etc/hostspin/conf.d", "");
    const Result<Config> config = load_all();
    REQUIRE_FALSE(config);
    CHECK(config.error().code == Errc::bad_config);
    CHECK(config.error().detail.find("/etc/hostspin/conf.d") != std::string::npos);
  }
  SECTION("more files than are read") {
    const auto name = [](std::size_t i) {
      return "/etc/hostspin/conf.d/" + std::to_string(i) + ".toml";
    };
    for (std::size_t i = 0; i < kDropInsMax; ++i) world.write(name(i), "");
    world.write("/etc/hostspin/conf.d/README", "of another name");
    CHECK(load_all());
    world.write(name(kDropInsMax), "");
    const Result<Config> config = load_all();
    REQUIRE_FALSE(config);
    CHECK(config.error().code == Errc::bad_config);
    CHECK(config.error().detail.find("conf.d holds more than 256 files") != std::string::npos);
  }
  SECTION("a link that leads nowhere") {
    std::filesystem::create_directory(directory);
    CHECK(load_all());
    std::filesystem::create_symlink("gone", directory + "/site.toml");
    const Result<Config> config = load_all();
    REQUIRE_FALSE(config);
    CHECK(config.error().code == Errc::bad_config);
    CHECK(config.error().detail.find("conf.d/site.toml") != std::string::npos);
  }
}
