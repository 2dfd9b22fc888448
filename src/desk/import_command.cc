#include "command.h"
#include "desk_files.h"
#include "document.h"
#include "foreign_form.h"
#include "import_draft.h"
#include "nearest.h"
#include "rules.h"
#include "words.h"

namespace hostspin::desk {
namespace {

constexpr std::string_view kHelp =
    R"(Make a manifest draft from what knows the addresses already. It asks no network.

Usage: hostspin-sign import KIND FILE --fleet NAME [--domain DOMAIN] [--expires 30d] [-o OUT]

KIND is one of
  terraform   'terraform output -json', a map of names to addresses; or 'terraform show -json', or a
              state file: DNS records of any provider
  consul      the answer of /v1/catalog/service/NAME, /v1/health/service/NAME, /v1/agent/services
  k8s         'kubectl get services,ingresses,endpointslices -A -o json'
  dig         what dig prints
  hosts       a hosts file
and '-' as FILE is standard input. What cannot be pinned is left out, and said; so are an instance
with a check that does not pass and an endpoint that is not ready. Look at every line of the draft:
only what must resolve when DNS is gone belongs into a manifest, and only addresses that stay.

  --fleet NAME         the fleet that the manifest is for
  --domain DOMAIN      what to put after a name: consul (service.consul), k8s (svc.cluster.local)
  --terraform-output NAME
                       which output, where several map names to addresses
  --expires WHEN       30d, 12h, 2w, or a time
  -o, --out OUT        the new draft, not standard output; an existing file is never overwritten

Examples
  terraform output -json | hostspin-sign import terraform - --fleet prod.example -o manifest.toml
  dig db.example.com api.example.com | hostspin-sign import dig - --fleet prod.example
)";

class Import : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("KIND", kind_);
    options.argument("FILE", path_);
    options.required("--fleet", fleet_);
    options.option("--domain", domain_);
    options.option("--terraform-output", output_);
    options.option("--expires", expires_);
    options.option("-o,--out", out_);
  }

  Result<int> run(Desk& desk) override {
    const Result<std::chrono::sys_seconds> expires = parse_moment(expires_, desk.now);
    if (!expires) return annotate(expires.error(), "--expires");
    const Result<FoundList> found = read();
    if (!found) return found.error();

    const ImportedDraft draft = write_draft(*found, fleet_, desk.now, *expires);
    for (const std::string& what : draft.skipped) desk.console.warning("left out: " + what);
    if (draft.services == 0) {
      return {Errc::usage, "nothing in " + shown_path(path_) + " can be pinned",
              "the warnings above say why"};
    }
    const Result<Document> document = parse_document(draft.text, "the draft");
    if (!document) return document.error();
    const Result<Manifest> checked = read_manifest(*document);
    if (!checked) return checked.error();

    if (out_.empty() || out_ == "-") {
      desk.console.result(draft.text);
    } else if (Result<void> done = write_new(out_, draft.text); !done) {
      return std::move(done).error();
    }
    desk.console.note(count_of(draft.services, "service") + "; next: look at every line, then  " +
                      "hostspin-sign check " + (out_.empty() ? "FILE" : out_) + " --root ROOT");
    return draft.skipped.empty() ? kFine : kAttention;
  }

 private:
  Result<FoundList> read() const {
    const bool has_domain = kind_ == "consul" || kind_ == "k8s";
    if (!has_domain && !domain_.empty()) {
      return {Errc::usage, "--domain is for consul and k8s alone", "leave it out"};
    }
    if (kind_ != "terraform" && !output_.empty()) {
      return {Errc::usage, "--terraform-output is for terraform alone", "leave it out"};
    }
    const Result<std::string> bytes = read_document(path_, kImportBytesMax);
    if (!bytes) return bytes.error();
    const std::optional<ForeignForm> form = foreign_form(*bytes);
    if (form && !form->of_import.empty()) {
      return {Errc::usage, shown_path(path_) + " " + std::string(form->what),
              std::string(form->of_import)};
    }
    Result<FoundList> found = read_kind(*bytes);
    if (!found) return annotate(std::move(found).error(), shown_path(path_));
    return found;
  }

  [[nodiscard]] Result<FoundList> read_kind(const std::string& bytes) const {
    if (kind_ == "terraform") return read_terraform(bytes, output_);
    if (kind_ == "consul") return read_consul(bytes, domain_.empty() ? "service.consul" : domain_);
    if (kind_ == "k8s")
      return read_kubernetes(bytes, domain_.empty() ? "svc.cluster.local" : domain_);
    if (kind_ == "dig") return read_dig(bytes);
    if (kind_ == "hosts") return read_hosts(bytes);
    return {Errc::usage, "there is no kind " + quoted(kind_),
            did_you_mean(kind_, {"terraform", "consul", "k8s", "dig", "hosts"}) +
                "the kinds are terraform, consul, k8s, dig and hosts"};
  }

  std::string kind_;
  std::string path_;
  std::string fleet_;
  std::string domain_;
  std::string output_;
  std::string expires_ = "30d";
  std::string out_;
};

}  // namespace

const CommandEntry kImportCommand{"import", kHelp, make_command<Import>};

}  // namespace hostspin::desk
