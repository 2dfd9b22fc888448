#include "config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "hostspin/host_name.h"
#include "source_url.h"
#include "toml_guard.h"
#include "toml_library.h"
#include "toml_read.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::array<std::string_view, 8> kTopKeys{"fleet",  "source", "refresh", "hosts",
                                                   "verify", "tls",    "metrics", "package"};
constexpr std::array<std::string_view, 8> kSourceKeys{
    "url", "addresses", "priority", "ca", "pins", "client_certificate", "client_key", "proxy"};

constexpr std::size_t kWordBytesMax = 63;

/// Fewest single-letter edits between two words of at most kWordBytesMax bytes (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::size_t, kWordBytesMax + 1> row{};
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  return *std::min_element(known.begin(), known.end(), [&](auto a, auto b) {
    return distance(word.substr(0, kWordBytesMax), a) < distance(word.substr(0, kWordBytesMax), b);
  });
}

/// One file being read: every refusal names the file, the line and the key.
class Reader {
 public:
  Reader(std::string file, Config& config) : file_(std::move(file)), config_(config) {}

  Result<void> read(const toml::table& table);

 private:
  [[nodiscard]] std::string at(const toml::node& node) const {
    return file_ + ":" + std::to_string(node.source().begin.line);
  }
  Error refuse(const toml::node& node, std::string_view key, std::string why,
               std::string hint = {}) const {
    return Error{Errc::bad_config, at(node) + ": " + std::string(key) + ": " + std::move(why),
                 std::move(hint)};
  }

  Result<void> only(const toml::table& table, std::string_view prefix,
                    std::span<const std::string_view> known) const;
  Result<const toml::table*> section(const toml::table& table, std::string_view key) const;
  Result<void> text(const toml::table& table, std::string_view prefix, std::string_view key,
                    std::string& into) const;
  Result<void> path(const toml::table& table, std::string_view prefix, std::string_view key,
                    std::string& into) const;
  Result<void> flag(const toml::table& table, std::string_view prefix, std::string_view key,
                    bool& into) const;
  Result<void> texts(const toml::table& table, std::string_view prefix, std::string_view key,
                     std::size_t entries_max, std::vector<std::string>& into) const;
  Result<void> duration(const toml::table& table, std::string_view prefix, std::string_view key,
                        milliseconds least, milliseconds most, milliseconds& into) const;
  Result<void> one_of(const toml::table& table, std::string_view prefix, std::string_view key,
                      std::string_view first, std::string_view second, bool& is_second) const;

  Result<void> sources(const toml::table& table);
  Result<Source> source(const toml::table& table);
  Result<void> source_addresses(const toml::table& table, const SourceURL& url,
                                Source& source) const;
  Result<void> refresh(const toml::table& table);
  Result<void> hosts(const toml::table& table);
  Result<void> verify(const toml::table& table);
  Result<void> tls(const toml::table& table);
  Result<void> metrics(const toml::table& table);
  Result<void> package(const toml::table& table);

  std::string file_;
  Config& config_;
};

std::string joined(std::string_view prefix, std::string_view key) {
  return prefix.empty() ? std::string(key) : std::string(prefix) + "." + std::string(key);
}

Result<void> Reader::only(const toml::table& table, std::string_view prefix,
                          std::span<const std::string_view> known) const {
  for (const auto& [key, node] : table) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    return refuse(node, joined(prefix, quoted(key.str())), "unknown key",
                  "did you mean '" + joined(prefix, nearest(key.str(), known)) +
                      "'? hostspin.toml(5) lists every key");
  }
  return {};
}

Result<const toml::table*> Reader::section(const toml::table& table, std::string_view key) const {
  const toml::node* node = table.get(key);
  if (node == nullptr) return static_cast<const toml::table*>(nullptr);
  const toml::table* section = node->as_table();
  if (section == nullptr) return refuse(*node, key, "must be a table: [" + std::string(key) + "]");
  return section;
}

Result<void> Reader::text(const toml::table& table, std::string_view prefix, std::string_view key,
                          std::string& into) const {
  const toml::node* node = table.get(key);
  if (node == nullptr) return {};
  const auto* value = node->as_string();
  if (value == nullptr) return refuse(*node, joined(prefix, key), "must be a string");
  const bool plain = std::all_of(value->get().begin(), value->get().end(),
                                 [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (!plain || value->get().size() > 4096) {
    return refuse(*node, joined(prefix, key), "must be at most 4096 printable ASCII characters");
  }
  into = value->get();
  return {};
}

Result<void> Reader::path(const toml::table& table, std::string_view prefix, std::string_view key,
                          std::string& into) const {
  if (Result<void> done = text(table, prefix, key, into); !done) return done;
  if (table.contains(key) && !into.starts_with('/')) {
    return refuse(*table.get(key), joined(prefix, key), "must be an absolute path");
  }
  return {};
}

Result<void> Reader::flag(const toml::table& table, std::string_view prefix, std::string_view key,
                          bool& into) const {
  const toml::node* node = table.get(key);
  if (node == nullptr) return {};
  const auto* value = node->as_boolean();
  if (value == nullptr) return refuse(*node, joined(prefix, key), "must be true or false");
  into = value->get();
  return {};
}

Result<void> Reader::texts(const toml::table& table, std::string_view prefix, std::string_view key,
                           std::size_t entries_max, std::vector<std::string>& into) const {
  const toml::node* node = table.get(key);
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  const std::string name = joined(prefix, key);
  if (array == nullptr || array->empty() || array->size() > entries_max) {
    return refuse(*node, name,
                  "must be a list of 1 to " + std::to_string(entries_max) + " strings");
  }
  into.clear();
  for (const toml::node& entry : *array) {
    const auto* value = entry.as_string();
    if (value == nullptr) return refuse(entry, name, "must hold strings only");
    into.push_back(value->get());
  }
  return {};
}

Result<void> Reader::duration(const toml::table& table, std::string_view prefix,
                              std::string_view key, milliseconds least, milliseconds most,
                              milliseconds& into) const {
  std::string written;
  if (Result<void> done = text(table, prefix, key, written); !done) return done;
  const toml::node* node = table.get(key);
  if (node == nullptr) return {};
  Result<milliseconds> value = parse_duration(written);
  if (!value) return refuse(*node, joined(prefix, key), value.error().detail);
  if (*value < least || *value > most) {
    return refuse(*node, joined(prefix, key),
                  "must be from " + std::to_string(least.count()) + "ms to " +
                      std::to_string(most.count() / 1000) + "s");
  }
  into = *value;
  return {};
}

Result<void> Reader::one_of(const toml::table& table, std::string_view prefix, std::string_view key,
                            std::string_view first, std::string_view second,
                            bool& is_second) const {
  std::string value(is_second ? second : first);
  if (Result<void> done = text(table, prefix, key, value); !done) return done;
  if (value != first && value != second) {
    return refuse(*table.get(key), joined(prefix, key),
                  "must be \"" + std::string(first) + "\" or \"" + std::string(second) +
                      "\", not " + quoted(value));
  }
  is_second = value == second;
  return {};
}

Result<void> Reader::source_addresses(const toml::table& table, const SourceURL& url,
                                      Source& source) const {
  std::vector<std::string> written;
  if (Result<void> done = texts(table, "source", "addresses", kSourceAddressesMax, written);
      !done) {
    return done;
  }
  const toml::node* node = table.get("addresses");
  for (const std::string& text : written) {
    Result<IPAddress> address = IPAddress::parse(text);
    if (!address) return refuse(*node, "source.addresses", address.error().detail);
    source.addresses.push_back(*address);
  }
  if (source.kind == Source::Kind::file || url.literal) {
    if (node != nullptr) {
      return refuse(*node, "source.addresses", "the url already says where to connect",
                    "leave out addresses, or give the url a name");
    }
    if (url.literal) source.addresses = {*url.literal};
    return {};
  }
  if (source.addresses.empty()) {
    return refuse(*table.get("url"), "source.url",
                  "the url has a name (" + quoted(url.host) + ") and there are no addresses",
                  "add addresses = [\"IP\", ...] beside it: hostspin never resolves a name");
  }
  return {};
}

Result<Source> Reader::source(const toml::table& table) {
  if (Result<void> done = only(table, "source", kSourceKeys); !done) return std::move(done).error();
  Source made;
  made.defined_at = at(table);
  Result<void> done = text(table, "source", "url", made.url);
  if (!done) return std::move(done).error();
  if (made.url.empty()) {
    return Error{Errc::bad_config, made.defined_at + ": source.url: is missing"};
  }
  Result<SourceURL> url = parse_source_url(made.url);
  if (!url) return refuse(*table.get("url"), "source", url.error().detail, url.error().hint);
  while (made.url.ends_with('/')) made.url.pop_back();
  made.kind = url->scheme == SourceURL::Scheme::file ? Source::Kind::file : Source::Kind::http;
  if (made.kind == Source::Kind::file) made.directory = url->path;
  if (done = source_addresses(table, *url, made); !done) return std::move(done).error();

  if (const toml::node* node = table.get("priority")) {
    const auto* value = node->as_integer();
    if (value == nullptr || value->get() < 0 || value->get() > 1000) {
      return refuse(*node, "source.priority", "must be a number from 0 to 1000");
    }
    made.priority = static_cast<int>(value->get());
  }
  done = path(table, "source", "ca", made.ca);
  if (done) done = texts(table, "source", "pins", 8, made.pins);
  if (done) done = path(table, "source", "client_certificate", made.client_certificate);
  if (done) done = path(table, "source", "client_key", made.client_key);
  if (done) done = text(table, "source", "proxy", made.proxy);
  if (!done) return std::move(done).error();
  if (made.client_certificate.empty() != made.client_key.empty()) {
    return Error{Errc::bad_config,
                 made.defined_at + ": source: client_certificate and client_key need each other"};
  }
  if (!made.proxy.empty()) {
    Result<SourceURL> proxy = parse_source_url(made.proxy);
    if (!proxy || proxy->scheme != SourceURL::Scheme::http || !proxy->literal ||
        !proxy->path.empty()) {
      return refuse(*table.get("proxy"), "source.proxy", "must be http://IP:PORT");
    }
  }
  return made;
}

Result<void> Reader::sources(const toml::table& table) {
  const toml::node* node = table.get("source");
  if (node == nullptr) return {};
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    return refuse(*node, "source", "must be written [[source]], with two brackets");
  }
  for (const toml::node& entry : *array) {
    const toml::table* fields = entry.as_table();
    if (fields == nullptr) return refuse(entry, "source", "must be written [[source]]");
    if (config_.sources.size() >= kSourcesMax) {
      return refuse(entry, "source", "more than " + std::to_string(kSourcesMax) + " sources");
    }
    Result<Source> made = source(*fields);
    if (!made) return std::move(made).error();
    config_.sources.push_back(std::move(*made));
  }
  return {};
}

Result<void> Reader::refresh(const toml::table& table) {
  constexpr std::array<std::string_view, 3> known{"interval", "splay", "deadline"};
  Result<void> done = only(table, "refresh", known);
  if (done) {
    done = duration(table, "refresh", "interval", std::chrono::seconds(1),
                    std::chrono::hours(24 * 7), config_.refresh_interval);
  }
  if (done) {
    done = duration(table, "refresh", "splay", milliseconds(0), std::chrono::hours(24),
                    config_.refresh_splay);
  }
  if (done) {
    // trust: a cycle never lasts longer than 120 s.
    done = duration(table, "refresh", "deadline", milliseconds(100), std::chrono::seconds(120),
                    config_.refresh_deadline);
  }
  return done;
}

Result<void> Reader::hosts(const toml::table& table) {
  constexpr std::array<std::string_view, 3> known{"path", "conflicts", "write"};
  bool comment_out = config_.conflicts == ConflictPolicy::comment_out;
  bool in_place = config_.write == WriteMode::in_place;
  Result<void> done = only(table, "hosts", known);
  if (done) done = path(table, "hosts", "path", config_.hosts_path);
  if (done) done = one_of(table, "hosts", "conflicts", "report", "comment-out", comment_out);
  if (done) done = one_of(table, "hosts", "write", "replace", "in-place", in_place);
  config_.conflicts = comment_out ? ConflictPolicy::comment_out : ConflictPolicy::report;
  config_.write = in_place ? WriteMode::in_place : WriteMode::replace;
  return done;
}

Result<void> Reader::verify(const toml::table& table) {
  constexpr std::array<std::string_view, 2> known{"deadline", "interval"};
  Result<void> done = only(table, "verify", known);
  if (done) {
    done = duration(table, "verify", "deadline", milliseconds(100), std::chrono::minutes(5),
                    config_.verify_deadline);
  }
  if (done) {
    done = duration(table, "verify", "interval", milliseconds(0), std::chrono::hours(24),
                    config_.verify_interval);
  }
  return done;
}

Result<void> Reader::tls(const toml::table& table) {
  constexpr std::array<std::string_view, 2> known{"time", "ca"};
  Result<void> done = only(table, "tls", known);
  if (done) done = one_of(table, "tls", "time", "system", "floor", config_.tls_time_floor);
  if (!done) return done;
  Result<const toml::table*> bundles = section(table, "ca");
  if (!bundles) return std::move(bundles).error();
  if (*bundles == nullptr) return {};
  for (const auto& [key, node] : **bundles) {
    const std::string_view name = key.str();
    const bool plain = !name.empty() && name.size() <= 32 && name != "system" &&
                       std::all_of(name.begin(), name.end(), [](char c) {
                         return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                       });
    if (!plain) {
      return refuse(node, "tls.ca." + quoted(name),
                    "a bundle's name is 1 to 32 of a-z, 0-9 and -, and not 'system'");
    }
    if (done = path(**bundles, "tls.ca", name, config_.tls_ca[std::string(name)]); !done)
      return done;
  }
  return {};
}

Result<void> Reader::metrics(const toml::table& table) {
  constexpr std::array<std::string_view, 1> known{"textfile"};
  Result<void> done = only(table, "metrics", known);
  if (done) done = path(table, "metrics", "textfile", config_.metrics_textfile);
  return done;
}

Result<void> Reader::package(const toml::table& table) {
  constexpr std::array<std::string_view, 1> known{"keep_block_on_remove"};
  Result<void> done = only(table, "package", known);
  if (done) done = flag(table, "package", "keep_block_on_remove", config_.keep_block_on_remove);
  return done;
}

Result<void> Reader::read(const toml::table& table) {
  Result<void> done = only(table, "", kTopKeys);
  if (done) done = text(table, "", "fleet", config_.fleet);
  if (done) done = sources(table);
  const auto each = [&](std::string_view key,
                        Result<void> (Reader::*read_section)(const toml::table&)) {
    if (!done) return;
    Result<const toml::table*> found = section(table, key);
    if (!found) {
      done = std::move(found).error();
    } else if (*found != nullptr) {
      done = (this->*read_section)(**found);
    }
  };
  each("refresh", &Reader::refresh);
  each("hosts", &Reader::hosts);
  each("verify", &Reader::verify);
  each("tls", &Reader::tls);
  each("metrics", &Reader::metrics);
  each("package", &Reader::package);
  return done;
}

/// The `*.toml` names of conf.d in byte order; none where there is no such directory.
Result<std::vector<std::string>> drop_ins(FileSystem& fs, const std::string& root,
                                          const std::string& directory) {
  SysResult<Handle> handle = fs.open_directory(root, directory);
  if (!handle) return std::vector<std::string>();
  const SysResult<std::vector<std::string>> names = fs.list(*handle);
  (void)fs.close(*handle);  // read only: nothing can be lost
  if (!names) return Error{Errc::bad_config, "cannot list " + directory};
  std::vector<std::string> found;
  std::copy_if(
      names->begin(), names->end(), std::back_inserter(found),
      [](const std::string& name) { return name.ends_with(".toml") && !name.starts_with('.'); });
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
    config.files.push_back(file);
    return Reader(file, config).read(table);
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
  if (!bytes) return Error{Errc::bad_config, bytes.error().detail, bytes.error().hint};
  if (!*bytes && required) return {Errc::bad_config, path + ": there is no such file"};
  if (*bytes) {
    if (Result<void> done = read_config_text(path, **bytes, config); !done)
      return std::move(done).error();
  }
  const std::string directory = path.substr(0, path.rfind('/') + 1) + "conf.d";
  Result<std::vector<std::string>> names = drop_ins(fs, root, directory);
  if (!names) return std::move(names).error();
  for (const std::string& name : *names) {
    const std::string file = directory + "/" + name;
    Result<std::optional<std::string>> more = read_file(fs, root, file, kConfigBytesMax);
    if (!more) return Error{Errc::bad_config, more.error().detail, more.error().hint};
    if (!*more) continue;
    if (Result<void> done = read_config_text(file, **more, config); !done)
      return std::move(done).error();
  }
  return config;
}

}  // namespace hostspin
