#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "file_system.h"
#include "hostspin/hosts_file.h"
#include "hostspin/ip.h"
#include "hostspin/result.h"
#include "replace_file.h"

namespace hostspin {

inline constexpr std::size_t kConfigBytesMax = 1U << 20U;
/// How many files conf.d may hold.
inline constexpr std::size_t kDropInsMax = 256;
inline constexpr std::size_t kSourcesMax = 64;
inline constexpr std::size_t kSourceAddressesMax = 16;
inline constexpr std::size_t kOwnNamesMax = 16;

/// One `[[source]]`: where notes are fetched from.
struct Source {
  enum class Kind { file, http, s3 };
  Kind kind = Kind::http;
  std::string url;        ///< base as configured, without a slash at its end
  std::string fetch_url;  ///< what is fetched from: the same, of S3 the bucket's https URL
  std::string directory;  ///< file: the path
  std::vector<IPAddress> addresses;  ///< where to connect; never empty but for file
  int priority = 0;                  ///< lower is asked first, 0–1000
  std::string ca;                    ///< PEM file; empty = the system's
  std::vector<std::string> pins;     ///< base64 SHA-256 of SPKI
  std::string client_certificate;    ///< PEM file
  std::string client_key;            ///< PEM file
  std::string proxy;                 ///< http://IP:PORT
  std::string region;                ///< s3: what requests are signed for
  std::string defined_at;            ///< "file:line", for messages
};

/// A file that a configuration was read from.
struct ConfigFile {
  std::string path;
  std::string text;
};

/// What this machine's own look-ups read.
inline constexpr std::string_view kSystemHostsPath = "/etc/hosts";

/// /etc/hostspin/hostspin.toml and conf.d, see hostspin.toml(5).
struct Config {
  std::string fleet;  ///< optional cross-check; empty = none
  std::vector<Source> sources;
  std::chrono::milliseconds refresh_interval = std::chrono::minutes(5);
  std::chrono::milliseconds refresh_splay = std::chrono::minutes(1);
  std::chrono::milliseconds refresh_deadline = std::chrono::seconds(30);
  std::string hosts_path{kSystemHostsPath};
  ConflictPolicy conflicts = ConflictPolicy::report;
  WriteMode write = WriteMode::replace;
  std::vector<std::string> own_names;  ///< of this host, which a manifest may pin for others
  std::chrono::milliseconds verify_deadline = std::chrono::seconds(5);
  std::chrono::milliseconds verify_interval = std::chrono::seconds(60);  ///< 0 = never
  bool tls_time_floor = false;
  std::map<std::string, std::string> tls_ca;  ///< name → PEM file
  std::string metrics_textfile;               ///< a directory; empty = the default one
  bool keep_block_on_remove = false;
  std::vector<ConfigFile> files;  ///< what was read, in order
};

/// One file's text into `config`: what load_config() does with each file. `file` is its name in
/// messages. Whatever the bytes, the answer is a value or an Errc::bad_config in printable ASCII.
Result<void> read_config_text(const std::string& file, std::string_view bytes, Config& config);

/// Reads `path` (seen from `root`) and the `conf.d/*.toml` beside it in byte order: scalars
/// override,
/// `[[source]]` appends. A missing `path` is the defaults unless `required`. Errc::bad_config names
/// file, line and key; an unknown key comes with the nearest known one.
Result<Config> load_config(FileSystem& fs, const std::string& root, const std::string& path,
                           bool required);

/// "90s", "5m", "1h", "250ms", "0": a duration as the configuration writes it.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace hostspin
