#include <algorithm>

#include "commands.h"
#include "hostspin/time_text.h"
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
  virtual std::string finish() = 0;
};

class TextPage final : public Page {
 public:
  void title(const std::string& text) override {
    page_ = text + "\n" + std::string(text.size(), '=') + "\n";
  }
  void paragraph(const std::string& text) override { page_ += text + "\n"; }
  void service(const std::string& name) override {
    page_ += "\n" + name + "\n" + std::string(name.size(), '-') + "\n";
  }
  void fact(const std::string& label, const std::string& value) override {
    page_ += "  " + label + ": " + value + "\n";
  }
  void command(const std::string& line) override { page_ += "    $ " + line + "\n"; }
  std::string finish() override { return std::move(page_); }

 private:
  std::string page_;
};

class MarkdownPage final : public Page {
 public:
  void title(const std::string& text) override { page_ = "# " + escape(text) + "\n"; }
  void paragraph(const std::string& text) override { page_ += "\n" + escape(text) + "\n"; }
  void service(const std::string& name) override { page_ += "\n## " + escape(name) + "\n\n"; }
  void fact(const std::string& label, const std::string& value) override {
    page_ += "- **" + label + "**: " + escape(value) + "\n";
  }
  // An indented block takes any text as it is; a command holds no line end.
  void command(const std::string& line) override { page_ += "\n      " + line + "\n"; }
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
            escape(text) +
            "</title>\n<style>body{font:14px sans-serif;max-width:60em;margin:2em auto}"
            "pre{background:#eee;padding:.4em;white-space:pre-wrap}section{break-inside:avoid}"
            "</style>\n</head>\n<body>\n<h1>" +
            escape(text) + "</h1>\n";
  }
  void paragraph(const std::string& text) override { page_ += "<p>" + escape(text) + "</p>\n"; }
  void service(const std::string& name) override {
    if (open_) page_ += "</section>\n";
    open_ = true;
    page_ += "<section>\n<h2>" + escape(name) + "</h2>\n";
  }
  void fact(const std::string& label, const std::string& value) override {
    page_ += "<p><b>" + label + "</b>: " + escape(value) + "</p>\n";
  }
  void command(const std::string& line) override { page_ += "<pre>" + escape(line) + "</pre>\n"; }
  std::string finish() override {
    if (open_) page_ += "</section>\n";
    return std::move(page_) + "</body>\n</html>\n";
  }

 private:
  static std::string escape(const std::string& text) {
    std::string escaped;
    for (const char c : text) {
      switch (c) {
        case '&':
          escaped += "&amp;";
          break;
        case '<':
          escaped += "&lt;";
          break;
        case '>':
          escaped += "&gt;";
          break;
        case '"':
          escaped += "&quot;";
          break;
        case '\'':
          escaped += "&#39;";
          break;
        default:
          escaped += c;
      }
    }
    return escaped;
  }
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

/// A command that asks one address by hand, without any look-up.
std::string command_for(const Service& service, const IPAddress& address, const Check& check) {
  const std::string port = std::to_string(check.port);
  const std::string target = bracketed(address) + ":" + port;
  switch (check.kind) {
    case CheckKind::https:
    case CheckKind::http: {
      const std::string& name = check.host.empty() ? service.name.text() : check.host;
      const std::string scheme = check.kind == CheckKind::https ? "https" : "http";
      return "curl -sS -o /dev/null -w '%{http_code}\\n' --max-time 5 --resolve " +
             shell_quoted(name + ":" + port + ":" + bracketed(address)) + " " +
             shell_quoted(scheme + "://" + name + ":" + port + check.path);
    }
    case CheckKind::tls:
      return "openssl s_client -connect " + shell_quoted(target) + " -servername " +
             shell_quoted(check.server_name) + " -brief </dev/null";
    case CheckKind::tcp:
    case CheckKind::grpc:
      return "nc -z -v -w 2 " + address.to_string() + " " + port;
    case CheckKind::ntp:
      return "chronyd -Q -t 3 'server " + address.to_string() + " iburst'";
    case CheckKind::unsupported:
      return "";
  }
  return "";
}

void write_service(Page& page, const Service& service) {
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
      const std::string command = command_for(service, address, check);
      if (!command.empty()) page.command(command);
    }
  }
}

std::string write_page(Page& page, const Standing& standing) {
  const Manifest& manifest = standing.current->manifest();
  page.title("Must-reach services of " + manifest.fleet);
  page.paragraph("Manifest " + std::to_string(manifest.version) + " of epoch " +
                 std::to_string(manifest.epoch) + ", issued " + format_utc(manifest.issued) +
                 ", expires " + format_utc(manifest.expires) +
                 ". Every command below asks an address; "
                 "none needs DNS.");
  page.paragraph("First of all: hostspin verify");
  for (const Service& service : manifest.services) write_service(page, service);
  return page.finish();
}

}  // namespace

ExitCode command_runbook(Env& env, const CommonOptions& options, const std::string& format) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "runbook", context.error());
  Result<Standing> standing = take_standing(*context);
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
  const std::string written = write_page(page, *standing);
  if (options.format == OutputFormat::json) {
    return finish(env, options, "runbook", ExitCode::ok, "the runbook", std::nullopt,
                  {{"format", format}, {"page", written}});
  }
  env.console.print(written);  // the page alone: it is printed, or piped into a file
  return ExitCode::ok;
}

}  // namespace hostspin
