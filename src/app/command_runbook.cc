#include <algorithm>

#include "commands.h"
#include "hostspin/time_text.h"
#include "markup.h"
#include "output.h"
#include "standing.h"

namespace hostspin {
namespace {

/// One way to write the page; the text itself is the same in all three.
class Page {
 public:
  virtual ~Page() = default;
  virtual void title(const std::string& text) = 0;
  virtual void paragraph(const std::string& text) = 0;
  virtual void service(const std::string& name) = 0;
  virtual void fact(const std::string& label, const std::string& value) = 0;
  virtual void command(const std::string& line) = 0;
  /// Lines of a file, as they are.
  virtual void lines(const std::vector<std::string>& lines) = 0;
  virtual std::string finish() = 0;
};

class TextPage final : public Page {
 public:
  void title(const std::string& text) override {
    page_ = text + "\n" + std::string(text.size(), '=') + "\n";
  }
  void paragraph(const std::string& text) override { page_ += "\n" + wrapped(text); }
  void service(const std::string& name) override {
    page_ += "\n" + name + "\n" + std::string(name.size(), '-') + "\n";
  }
  void fact(const std::string& label, const std::string& value) override {
    page_ += "  " + label + ": " + value + "\n";
  }
  void command(const std::string& line) override { page_ += "    $ " + line + "\n"; }
  void lines(const std::vector<std::string>& lines) override {
    page_ += "\n";
    for (const std::string& line : lines) page_ += "    " + line + "\n";
  }
  std::string finish() override { return std::move(page_); }

 private:
  /// In lines that a sheet of paper holds.
  static std::string wrapped(std::string_view text) {
    constexpr std::size_t kColumns = 78;
    std::string lines;
    while (text.size() > kColumns) {
      std::size_t end = text.rfind(' ', kColumns);
      if (end == std::string_view::npos) end = text.size();
      lines.append(text.substr(0, end)).append("\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines.append(text).append("\n");
  }

  std::string page_;
};

class MarkdownPage final : public Page {
 public:
  void title(const std::string& text) override { page_ = "# " + escape(text) + "\n"; }
  void paragraph(const std::string& text) override { page_ += "\n" + escape(text) + "\n"; }
  void service(const std::string& name) override { page_ += "\n## " + escape(name) + "\n\n"; }
  void fact(const std::string& label, const std::string& value) override {
    page_ += "- **" + escape(label) + "**: " + escape(value) + "\n";
  }
  // An indented block takes any text as it is; a command holds no line end.
  void command(const std::string& line) override { page_ += "\n      " + line + "\n"; }
  void lines(const std::vector<std::string>& lines) override {
    for (const std::string& line : lines) page_ += "    " + line + "\n";
  }
  std::string finish() override { return std::move(page_); }

 private:
  static std::string escape(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
      if (std::string_view("\\`*_{}[]<>()#+!|&~").find(c) != std::string_view::npos)
        escaped += '\\';
      escaped += c;
    }
    return escaped;
  }
  std::string page_;
};

class HTMLPage final : public Page {
 public:
  void title(const std::string& text) override {
    page_ = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>" +
            escaped_markup(text) +
            "</title>\n<style>body{font:14px sans-serif;max-width:60em;margin:2em auto}"
            "pre{background:#eee;padding:.4em;white-space:pre-wrap;overflow-wrap:anywhere}"
            "p{margin:.3em 0}h2{break-after:avoid}section{break-inside:avoid}"
            "@page{margin:15mm}@media print{body{font-size:10pt;margin:0;max-width:none}"
            "pre{background:none;border:1px solid #999}}</style>\n</head>\n<body>\n<h1>" +
            escaped_markup(text) + "</h1>\n";
  }
  void paragraph(const std::string& text) override {
    page_ += "<p>" + escaped_markup(text) + "</p>\n";
  }
  void service(const std::string& name) override {
    if (open_) page_ += "</section>\n";
    open_ = true;
    page_ += "<section>\n<h2>" + escaped_markup(name) + "</h2>\n";
  }
  void fact(const std::string& label, const std::string& value) override {
    page_ += "<p><b>" + escaped_markup(label) + "</b>: " + escaped_markup(value) + "</p>\n";
  }
  void command(const std::string& line) override {
    page_ += "<pre>" + escaped_markup(line) + "</pre>\n";
  }
  void lines(const std::vector<std::string>& lines) override {
    page_ += "<pre>";
    for (const std::string& line : lines) page_ += escaped_markup(line) + "\n";
    page_ += "</pre>\n";
  }
  std::string finish() override {
    if (open_) page_ += "</section>\n";
    return std::move(page_) + "</body>\n</html>\n";
  }

 private:
  std::string page_;
  bool open_ = false;
};

/// For sh: as it is where every byte is harmless, else in single quotes.
std::string shell_quoted(const std::string& text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/:@%+=,").find(c) != std::string_view::npos;
  });
  if (plain) return text;
  std::string quoted_text = "'";
  for (const char c : text) quoted_text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted_text + "'";
}

std::string bracketed(const IPAddress& address) {
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

/// The CA bundle that this host's configuration gives a name; empty for the system's own.
std::string bundle_path(const Config& config, const std::string& ca) {
  const auto found = config.tls_ca.find(ca);
  return found == config.tls_ca.end() ? std::string() : found->second;
}

std::string curl_command(const Service& service, const IPAddress& address, const Check& check,
                         const Config& config) {
  const bool tls = check.kind == CheckKind::https;
  const std::string port = std::to_string(check.port);
  const std::string& own = service.name.text();
  const std::string& host = check.host.empty() ? own : check.host;
  const std::string& name = tls && !check.server_name.empty() ? check.server_name : host;
  // A proxy that the environment names would be looked up, and asked in the address's place.
  std::string command =
      "curl --noproxy '*' -sS -o /dev/null -w '%{http_code}\\n' --max-time 5 --resolve " +
      shell_quoted(name + ":" + port + ":" + bracketed(address));
  const std::string bundle = tls ? bundle_path(config, check.ca) : "";
  if (!bundle.empty()) command += " --cacert " + shell_quoted(bundle);
  if (host != name && !check.host.empty()) command += " -H " + shell_quoted("Host: " + host);
  return command + " " +
         shell_quoted((tls ? "https://" : "http://") + name + ":" + port + check.path);
}

std::string openssl_command(const IPAddress& address, const Check& check, const Config& config) {
  std::string command = "openssl s_client -connect " +
                        shell_quoted(bracketed(address) + ":" + std::to_string(check.port)) +
                        " -servername " + shell_quoted(check.server_name) + " -verify_hostname " +
                        shell_quoted(check.server_name);
  const std::string bundle = bundle_path(config, check.ca);
  if (!bundle.empty()) command += " -CAfile " + shell_quoted(bundle);
  return command + " -verify_return_error -brief </dev/null";
}

/// A command that asks one address by hand, without any look-up and past any proxy.
std::string command_for(const Service& service, const IPAddress& address, const Check& check,
                        const Config& config) {
  switch (check.kind) {
    case CheckKind::https:
    case CheckKind::http:
      return curl_command(service, address, check, config);
    case CheckKind::tls:
      return openssl_command(address, check, config);
    case CheckKind::grpc:
      if (check.grpc_tls) return openssl_command(address, check, config);
      [[fallthrough]];
    case CheckKind::mysql:
      return "mysql --no-defaults -h " + address.to_string() + " -P " + std::to_string(check.port) +
             " -u " + shell_quoted(check.user) +
             " --skip-password --connect-timeout=5 -e 'SELECT 1'";
    case CheckKind::tcp:
      return "nc -n -z -v -w 2 " + address.to_string() + " " + std::to_string(check.port);
    case CheckKind::ntp:
      // One sample: four take longer than anybody waits.
      return "chronyd -Q -t 3 'server " + address.to_string() + " port " +
             std::to_string(check.port) + " iburst maxsamples 1'";
    case CheckKind::unsupported:
      return "";
  }
  return "";
}

/// What a check wants beyond an answer: a command by hand shows it, and a person must compare.
std::string expectation(const Check& check) {
  std::string words;
  const auto add = [&](const std::string& part) { words += (words.empty() ? "" : ", ") + part; };
  if (check.min_days_left > 0) {
    add("a certificate for " + std::to_string(check.min_days_left) + " more days");
  }
  if (!check.spki.empty()) add("one of " + std::to_string(check.spki.size()) + " pinned keys");
  if (!check.status.empty()) {
    std::string codes;
    for (const int status : check.status)
      codes += (codes.empty() ? "" : " or ") + std::to_string(status);
    add("status " + codes);
  }
  if (!check.contains.empty()) add("the text " + hostspin::quoted(check.contains));
  if (check.kind == CheckKind::grpc) {
    add("health service says SERVING" +
        (check.grpc_service.empty() ? "" : " for " + hostspin::quoted(check.grpc_service)));
  }
  if (check.kind == CheckKind::mysql) add("a login, or error 1045 (access denied)");
  return words;
}

void write_service(Page& page, const Service& service, const Config& config) {
  page.service(service.name.text());
  if (!service.description.empty()) page.fact("what", service.description);
  if (!service.owner.empty()) page.fact("owner", service.owner);
  if (!service.runbook.empty()) page.fact("runbook", service.runbook);
  std::string aliases;
  for (const HostName& alias : service.aliases)
    aliases += (aliases.empty() ? "" : ", ") + alias.text();
  if (!aliases.empty()) page.fact("also called", aliases);
  for (const IPAddress& address : service.addresses) {
    page.fact("address", address.to_string());
    if (service.checks.empty())
      page.command("ssh -o HostKeyAlias=" + service.name.text() + " " + address.to_string());
    for (const Check& check : service.checks) {
      const std::string command = command_for(service, address, check, config);
      if (!command.empty()) page.command(command);
    }
  }
  for (const Check& check : service.checks) {
    const std::string wanted = expectation(check);
    page.fact("check " + check.identity(service.name.text()),
              wanted.empty() ? "an answer" : wanted);
  }
}

/// For a machine that has nothing but an editor.
void write_hosts_lines(Page& page, const Manifest& manifest) {
  page.service("Without hostspin");
  page.paragraph(
      "These lines in /etc/hosts pin the same names by hand. Take them out again: nobody "
      "keeps them up to date.");
  std::vector<std::string> lines;
  for (const Service& service : manifest.services) {
    std::string names = service.name.text();
    for (const HostName& alias : service.aliases) names += " " + alias.text();
    for (const IPAddress& address : service.addresses) {
      lines.push_back(address.to_string() + " " + names);
    }
  }
  page.lines(lines);
}

std::string write_page(Page& page, const Standing& standing, const Config& config) {
  const Manifest& manifest = standing.current->manifest();
  page.title("Must-reach services of " + manifest.fleet);
  page.paragraph("Manifest " + std::to_string(manifest.version) + " of epoch " +
                 std::to_string(manifest.epoch) + ", issued " + format_utc(manifest.issued) +
                 ", expires " + format_utc(manifest.expires) + ", sha256 " +
                 standing.current->short_digest() +
                 " as in the block of /etc/hosts. Every command below asks an address; none needs "
                 "DNS, or a proxy.");
  page.paragraph("First of all: hostspin verify; then hostspin verify --explain NAME.");
  for (const Service& service : manifest.services) write_service(page, service, config);
  write_hosts_lines(page, manifest);
  return page.finish();
}

}  // namespace

ExitCode command_runbook(Env& env, const CommonOptions& options, const std::string& format) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "runbook", context.error());
  Result<Standing> standing = read_standing(*context);
  if (!standing) return fail(env, options, "runbook", standing.error());
  if (!standing->current) {
    return fail(env, options, "runbook",
                Error{Errc::not_found, "no manifest has been adopted on this machine yet",
                      "run 'hostspin refresh'"});
  }
  TextPage text;
  MarkdownPage markdown;
  HTMLPage html;
  Page& page = format == "html"       ? static_cast<Page&>(html)
               : format == "markdown" ? static_cast<Page&>(markdown)
                                      : static_cast<Page&>(text);
  const std::string written = write_page(page, *standing, context->config);
  if (options.format == OutputFormat::json) {
    return finish(env, options, "runbook", ExitCode::ok, "the runbook", std::nullopt,
                  {{"format", format}, {"page", written}});
  }
  env.console.print(written);  // the page alone: it is printed, or piped into a file
  return ExitCode::ok;
}

}  // namespace hostspin
