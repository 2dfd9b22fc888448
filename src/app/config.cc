#include "config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "config_source.h"
#include "config_table.h"
#include "hostspin/host_name.h"
#include "sys_error.h"
#include "target.h"
#include "toml_guard.h"
#include "toml_library.h"
#include "toml_read.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 8> kTopKeys{"fleet",  "source", "refresh", "hosts",
                                                   "verify", "tls",    "metrics", "package"};

void read_sources(ConfigTable& top, Config& config) {
  const toml::node* node = top.node("source");
  if (node == nullptr || !top.fine()) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    return top.refuse(*node, "source", "must be written [[source]], with two brackets");
  }
  for (const toml::node& entry : *array) {
    const toml::table* fields = entry.as_table();
    if (fields == nullptr) return top.refuse(entry, "source", "must be written [[source]]");
    if (config.sources.size() >= kSourcesMax) {
      return top.refuse(entry, "source", "more than " + std::to_string(kSourcesMax) + " sources");
    }
    Result<Source> made = read_source(ConfigTable(top.file(), "source", *fields));
    if (!made) return top.refuse(std::move(made).error());
    config.sources.push_back(std::move(*made));
  }
}

void read_refresh(ConfigTable& table, Config& config) {
  constexpr std::array<std::string_view, 3> known{"interval", "splay", "deadline"};
  table.only(known);
  table.duration("interval", std::chrono::seconds(1), std::chrono::hours(24 * 7),
                 config.refresh_interval);
  table.duration("splay", milliseconds(0), std::chrono::hours(24), config.refresh_splay);
  // trust: a cycle never lasts longer than 120 s.
  table.duration("deadline", milliseconds(100), std::chrono::seconds(120), config.refresh_deadline);
}

void read_hosts(ConfigTable& table, Config& config) {
  constexpr std::array<std::string_view, 4> known{"path", "conflicts", "write", "own_names"};
  bool comment_out = config.conflicts == ConflictPolicy::comment_out;
  bool in_place = config.write == WriteMode::in_place;
  table.only(known);
  table.path("path", config.hosts_path);
  table.one_of("conflicts", "report", "comment-out", comment_out);
  table.one_of("write", "replace", "in-place", in_place);
  table.texts("own_names", kOwnNamesMax, config.own_names);
  for (const std::string& text : config.own_names) {
    if (const Result<HostName> name = HostName::parse(text); !name && table.fine()) {
      table.refuse(*table.node("own_names"), "own_names", name.error().detail);
    }
  }
  config.conflicts = comment_out ? ConflictPolicy::comment_out : ConflictPolicy::report;
  config.write = in_place ? WriteMode::in_place : WriteMode::replace;
}

void read_verify(ConfigTable& table, Config& config) {
  constexpr std::array<std::string_view, 2> known{"deadline", "interval"};
  table.only(known);
  table.duration("deadline", milliseconds(100), std::chrono::minutes(5), config.verify_deadline);
  table.duration("interval", milliseconds(0), std::chrono::hours(24), config.verify_interval);
}

bool is_bundle_name(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 32;
  return !name.empty() && name.size() <= kNameBytesMax && name != "system" &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

void read_tls(ConfigTable& table, Config& config) {
  constexpr std::array<std::string_view, 2> known{"time", "ca"};
  table.only(known);
  table.one_of("time", "system", "floor", config.tls_time_floor);
  const toml::table* entries = table.table("ca");
  if (entries == nullptr) return;
  ConfigTable bundles(table.file(), "tls.ca", *entries);
  for (const auto& [key, node] : *entries) {
    const std::string name(key.str());
    if (is_bundle_name(name)) {
      bundles.path(name, config.tls_ca[name]);
    } else {
      bundles.refuse(node, quoted(name),
                     "a bundle's name is 1 to 32 of a-z, 0-9 and -, and not 'system'");
    }
  }
  if (!bundles.fine()) table.refuse(bundles.done().error());
}

void read_metrics(ConfigTable& table, Config& config) {
  constexpr std::array<std::string_view, 1> known{"textfile"};
  table.only(known);
  table.path("textfile", config.metrics_textfile);
}

void read_package(ConfigTable& table, Config& config) {
  constexpr std::array<std::string_view, 1> known{"keep_block_on_remove"};
  table.only(known);
  table.flag("keep_block_on_remove", config.keep_block_on_remove);
}

Result<void> read_tables(ConfigTable top, Config& config) {
  top.only(kTopKeys);
  top.text("fleet", config.fleet);
  read_sources(top, config);
  const auto each = [&](std::string_view key, void (*read)(ConfigTable&, Config&)) {
    const toml::table* found = top.table(key);
    if (found == nullptr) return;
    ConfigTable table(top.file(), std::string(key), *found);
    read(table, config);
    if (!table.fine()) top.refuse(table.done().error());
  };
  each("refresh", read_refresh);
  each("hosts", read_hosts);
  each("verify", read_verify);
  each("tls", read_tls);
  each("metrics", read_metrics);
  each("package", read_package);
  return top.done();
}

/// Without permission nothing is known of the configuration; anything else is wrong with it.
Error unreadable(FileSystem& fs, const std::string& root, const Error& error,
                 const std::string& path) {
  if (error.code == Errc::denied) return no_permission(fs, root, path);
  return {Errc::bad_config, error.detail, error.hint};
}

/// The `*.toml` names of conf.d in byte order; none where there is no such directory.
Result<std::vector<std::string>> drop_ins(FileSystem& fs, const std::string& root,
                                          const std::string& directory) {
  const SysResult<Handle> handle =
      retry_interrupted([&] { return fs.open_directory(root, directory); });
  if (!handle) {
    const int why = handle.error().number;
    if (why == ENOENT) return std::vector<std::string>();
    return unreadable(fs, root, sys_error(why, "open directory " + quoted(directory)), directory);
  }
  const SysResult<std::vector<std::string>> names = fs.list(*handle);
  (void)fs.close(*handle);  // read only: nothing can be lost
  if (!names) return Error{Errc::bad_config, "cannot list " + directory};
  std::vector<std::string> found;
  std::copy_if(
      names->begin(), names->end(), std::back_inserter(found),
      [](const std::string& name) { return name.ends_with(".toml") && !name.starts_with('.'); });
  if (found.size() > kDropInsMax) {
    return Error{Errc::bad_config,
                 directory + " holds more than " + std::to_string(kDropInsMax) + " files"};
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

Result<void> read_config_text(const std::string& file, std::string_view bytes, Config& config) {
  // The library's stack grows with a dotted key, and an administrator's typing error is no reason
  // to crash: the shape that documents keep is enough for a configuration. Comments may be in any
  // language; the library does not get to see it, since where they begin it may think otherwise.
  if (Result<void> shape = check_toml_shape(bytes, Errc::bad_config); !shape) {
    return annotate(std::move(shape).error(), file);
  }
  try {
    std::string ascii(bytes);
    std::replace_if(
        ascii.begin(), ascii.end(), [](char c) { return c < 0; }, '?');
    const toml::table table = toml::parse(ascii);
    config.files.push_back({file, std::string(bytes)});
    return read_tables(ConfigTable(file, "", table), config);
  } catch (const toml::parse_error& error) {
    return Error{Errc::bad_config, file + ":" + std::to_string(error.source().begin.line) +
                                       ": not valid TOML: " + toml_complaint(error.description())};
  } catch (const std::exception& error) {
    return Error{Errc::bad_config, file + ": not valid TOML: " + toml_complaint(error.what())};
  }
}

Result<milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t scale = unit == "ms"                  ? 1
                             : unit == "s"                 ? 1000
                             : unit == "m"                 ? 60 * 1000
                             : unit == "h"                 ? 3600 * 1000
                             : unit.empty() && number == 0 ? 1
                                                           : 0;
  if (error != std::errc() || number < 0 || number > 1000000000 || scale == 0) {
    return {Errc::bad_config,
            quoted(text) + " is not a duration such as \"250ms\", \"30s\", \"5m\", \"1h\""};
  }
  return milliseconds(number * scale);
}

Result<Config> load_config(FileSystem& fs, const std::string& root, const std::string& path,
                           bool required) {
  Config config;
  Result<std::optional<std::string>> bytes = read_file(fs, root, path, kConfigBytesMax);
  if (!bytes) return unreadable(fs, root, bytes.error(), path);
  if (!*bytes && required) return {Errc::bad_config, path + ": there is no such file"};
  if (*bytes) {
    if (Result<void> done = read_config_text(path, **bytes, config); !done)
      return std::move(done).error();
  }
  const std::string directory = path.substr(0, path.rfind('/') + 1) + "conf.d";
  Result<std::vector<std::string>> names = drop_ins(fs, root, directory);
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    std::string file = directory;
    file.append("/").append(name);
    Result<std::optional<std::string>> more = read_file(fs, root, file, kConfigBytesMax);
    if (!more) return unreadable(fs, root, more.error(), file);
    if (!*more) return {Errc::bad_config, file + ": there is no such file any more"};
    if (Result<void> done = read_config_text(file, **more, config); !done)
      return std::move(done).error();
  }
  return config;
}

}  // namespace hostspin
