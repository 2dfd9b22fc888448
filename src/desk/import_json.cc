#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "import_draft.h"
#include "words.h"

namespace hostspin::desk {
namespace {

using Json = nlohmann::json;

inline constexpr int kModuleDepthMax = 16;

Result<Json> parse(std::string_view bytes, const std::string& remedy) {
  Json json = Json::parse(bytes, nullptr, false);
  if (json.is_discarded() || !json.is_structured()) {
    return Error{Errc::usage, "it is not JSON", remedy};
  }
  return json;
}

/// The member `key` if it is a string, else empty.
std::string text(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto member = object.find(key);
  return member != object.end() && member->is_string() ? member->get<std::string>() : std::string();
}

/// The member `key`, or null.
const Json& member(const Json& object, const char* key) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::optional<std::uint16_t> port(const Json& value) {
  if (!value.is_number_integer()) return {};
  const auto number = value.get<std::int64_t>();
  if (number < 1 || number > 65535) return {};
  return static_cast<std::uint16_t>(number);
}

std::string first_of(const Json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (std::string value = text(object, key); !value.empty()) return value;
  }
  return {};
}

/// One string, or an array of them.
std::vector<std::string> strings(const Json& value) {
  std::vector<std::string> result;
  if (value.is_string()) result.push_back(value.get<std::string>());
  if (!value.is_array()) return result;
  for (const Json& item : value) {
    if (item.is_string()) result.push_back(item.get<std::string>());
  }
  return result;
}

/// What a record's attributes say, whatever the provider calls them.
void take_record(FoundList& found, const std::string& resource, const Json& attributes) {
  std::string type = text(attributes, "type");
  if (type.empty() && resource.find("_aaaa_record") != std::string::npos) type = "AAAA";
  if (type.empty() && resource.find("_a_record") != std::string::npos) type = "A";
  if (type.empty() && resource.find("_cname_record") != std::string::npos) type = "CNAME";
  if (type != "A" && type != "AAAA" && type != "CNAME") return;

  std::string name = first_of(attributes, {"fqdn", "hostname", "name"});
  const std::string zone = first_of(attributes, {"zone_name", "zone"});
  const bool is_whole = name == text(attributes, "fqdn") || name == text(attributes, "hostname");
  if (!is_whole && !zone.empty() && name.find('.') == std::string::npos) name += "." + zone;
  for (const char* key :
       {"records", "rrdatas", "addresses", "value", "content", "record", "cname"}) {
    for (const std::string& value : strings(member(attributes, key))) {
      if (type == "CNAME") {
        found.push_back({name, "", value, {}, {}});
      } else {
        found.push_back({name, value, "", {}, {}});
      }
    }
  }
}

void take_resources(FoundList& found, const Json& resources) {
  if (!resources.is_array()) return;
  for (const Json& resource : resources) {
    const std::string type = text(resource, "type");
    if (type.find("record") == std::string::npos && type.find("dns") == std::string::npos) continue;
    if (resource.contains("values")) take_record(found, type, member(resource, "values"));
    for (const Json& instance : member(resource, "instances")) {
      take_record(found, type, member(instance, "attributes"));
    }
  }
}

void take_module(FoundList& found, const Json& module, int depth) {
  take_resources(found, member(module, "resources"));
  if (depth == kModuleDepthMax) return;
  for (const Json& child : member(module, "child_modules")) take_module(found, child, depth + 1);
}

/// Names and their addresses: an output as this program wants it. Null values are no addresses.
bool is_address_map(const Json& value) {
  const auto is_text = [](const Json& item) { return item.is_string(); };
  return value.is_object() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [&](const Json& item) {
           return is_text(item) ||
                  (item.is_array() && std::all_of(item.begin(), item.end(), is_text));
         });
}

FoundList take_address_map(const Json& map) {
  FoundList found;
  for (const auto& [name, value] : map.items()) {
    for (const std::string& address : strings(value)) found.push_back({name, address, "", {}, {}});
  }
  return found;
}

/// Whether `json` is what `terraform output -json` prints: an object of outputs.
bool is_output_list(const Json& json) {
  return json.is_object() && !json.empty() &&
         std::all_of(json.begin(), json.end(),
                     [](const Json& item) { return item.is_object() && item.contains("value"); });
}

Result<FoundList> read_outputs(const Json& outputs, const std::string& wanted) {
  if (!wanted.empty()) {
    if (!outputs.contains(wanted)) {
      return {Errc::usage, "there is no output " + hostspin::quoted(wanted),
              "'terraform output' lists what there is"};
    }
    if (is_address_map(outputs[wanted]["value"])) {
      return take_address_map(outputs[wanted]["value"]);
    }
    return {Errc::usage, "output " + hostspin::quoted(wanted) + " is no map of names to addresses",
            R"(make it one, as in { "db.example.com" = ["10.0.0.1", "10.0.0.2"] })"};
  }
  std::vector<std::string> maps;
  for (const auto& [name, output] : outputs.items()) {
    if (is_address_map(output["value"])) maps.push_back(name);
  }
  if (maps.empty()) {
    return {Errc::usage, "none of its outputs is a map of names to addresses",
            R"(make one, as in { "db.example.com" = ["10.0.0.1", "10.0.0.2"] })"};
  }
  if (maps.size() == 1) return take_address_map(outputs[maps.front()]["value"]);
  return {Errc::usage,
          count_of(maps.size(), "output") + " of it could be meant: " + join(maps, ", "),
          "say which with --terraform-output"};
}

/// What says that the instance should not get traffic; empty if nothing does. Without checks, as in
/// the catalog, nobody knows.
std::string failing_check(const Json& item) {
  const Json& checks = member(item, "Checks");
  if (!checks.is_array()) return {};
  for (const Json& check : checks) {
    const std::string status = text(check, "Status");
    if (status.empty() || status == "passing") continue;
    const std::string name = first_of(check, {"Name", "CheckID"});
    return (name.empty() ? "a check" : "check " + hostspin::quoted(name)) + " is " +
           hostspin::quoted(status);
  }
  return {};
}

void take_consul_service(FoundList& found, const Json& item, const std::string& domain) {
  const Json& service =
      item.contains("Service") && item["Service"].is_object() ? item["Service"] : item;
  const std::string name = first_of(service, {"ServiceName", "Service"});
  std::string address = first_of(service, {"ServiceAddress"});
  if (address.empty() && &service != &item) address = text(service, "Address");
  if (address.empty()) address = text(member(item, "Node"), "Address");
  if (address.empty()) address = text(item, "Address");
  if (name.empty() || address.empty()) return;
  std::optional<std::uint16_t> where = port(member(service, "ServicePort"));
  if (!where) where = port(member(service, "Port"));
  Found instance{name + "." + domain, address, "", where, failing_check(item)};
  if (!instance.left_out.empty()) instance.left_out = address + ": " + instance.left_out;
  found.push_back(std::move(instance));
}

std::vector<std::string> balancer_addresses(const Json& item) {
  std::vector<std::string> addresses;
  for (const Json& ingress : member(member(member(item, "status"), "loadBalancer"), "ingress")) {
    if (std::string ip = text(ingress, "ip"); !ip.empty()) addresses.push_back(std::move(ip));
  }
  return addresses;
}

/// A Kubernetes service as the other objects of a list refer to it.
struct KubernetesService {
  std::vector<std::string> names;
  bool has_addresses = false;
};
/// By "NAMESPACE/NAME".
using KubernetesServices = std::map<std::string, KubernetesService>;

std::vector<std::optional<std::uint16_t>> tcp_ports(const Json& entries) {
  std::vector<std::optional<std::uint16_t>> ports;
  for (const Json& entry : entries) {
    const std::string protocol = text(entry, "protocol");
    if (protocol.empty() || protocol == "TCP") ports.push_back(port(member(entry, "port")));
  }
  if (ports.empty()) ports.emplace_back();
  return ports;
}

void take_kubernetes_service(FoundList& found, KubernetesServices& services, const Json& item,
                             const std::string& domain) {
  const Json& metadata = member(item, "metadata");
  const Json& spec = member(item, "spec");
  KubernetesService service;
  std::string annotated =
      text(member(metadata, "annotations"), "external-dns.alpha.kubernetes.io/hostname");
  std::replace(annotated.begin(), annotated.end(), ',', ' ');
  service.names = split_blanks(annotated);
  const std::string name = text(metadata, "name");
  const std::string space = text(metadata, "namespace");
  if (service.names.empty()) service.names.push_back(name + "." + space + "." + domain);
  std::vector<std::string> addresses = balancer_addresses(item);
  for (std::string& ip : strings(member(spec, "externalIPs"))) addresses.push_back(std::move(ip));
  if (addresses.empty()) addresses = strings(member(spec, "clusterIPs"));
  if (addresses.empty()) addresses = strings(member(spec, "clusterIP"));
  std::erase(addresses, "None");  // headless: its addresses are in its slices

  service.has_addresses = !addresses.empty();
  for (const std::string& one : service.names) {
    for (const std::string& address : addresses) {
      for (const auto& where : tcp_ports(member(spec, "ports"))) {
        found.push_back({one, address, "", where, {}});
      }
    }
  }
  services[space + "/" + name] = std::move(service);
}

/// The endpoints of a service that has no address of its own: behind a cluster address they are
/// pods, which come and go.
void take_endpoint_slice(FoundList& found, const KubernetesServices& services, const Json& item,
                         const std::string& domain) {
  const Json& metadata = member(item, "metadata");
  const std::string name = text(member(metadata, "labels"), "kubernetes.io/service-name");
  const std::string space = text(metadata, "namespace");
  if (name.empty() || text(item, "addressType") == "FQDN") return;
  std::vector<std::string> names = {name + "." + space + "." + domain};
  if (const auto service = services.find(space + "/" + name); service != services.end()) {
    if (service->second.has_addresses) return;
    names = service->second.names;
  }
  for (const Json& endpoint : member(item, "endpoints")) {
    // The API: what is not said of readiness counts as ready.
    const Json& ready = member(member(endpoint, "conditions"), "ready");
    const bool is_ready = !ready.is_boolean() || ready.get<bool>();
    for (const std::string& address : strings(member(endpoint, "addresses"))) {
      for (const std::string& one : names) {
        for (const auto& where : tcp_ports(member(item, "ports"))) {
          found.push_back({one, address, "", where, is_ready ? "" : address + " is not ready"});
        }
      }
    }
  }
}

void take_ingress(FoundList& found, const Json& item) {
  const bool has_tls = member(member(item, "spec"), "tls").is_array();
  for (const Json& rule : member(member(item, "spec"), "rules")) {
    for (const std::string& address : balancer_addresses(item)) {
      const std::uint16_t where = has_tls ? 443 : 80;
      if (std::string host = text(rule, "host"); !host.empty()) {
        found.push_back({std::move(host), address, "", where, {}});
      }
    }
  }
}

Result<FoundList> some(FoundList found, const std::string& what, const std::string& remedy) {
  if (!found.empty()) return found;
  return {Errc::usage, "there is no " + what + " with an address in it", remedy};
}

}  // namespace

Result<FoundList> read_terraform(std::string_view bytes, const std::string& output) {
  const std::string remedy =
      "give what 'terraform output -json' or 'terraform show -json' prints, or a state file";
  const Result<Json> json = parse(bytes, remedy);
  if (!json) return json.error();
  if (is_output_list(*json)) return read_outputs(*json, output);
  if (is_address_map(*json)) return take_address_map(*json);
  FoundList found;
  take_resources(found, member(*json, "resources"));
  take_module(found, member(member(*json, "values"), "root_module"), 0);
  return some(std::move(found), "DNS record", remedy);
}

Result<FoundList> read_consul(std::string_view bytes, const std::string& domain) {
  const std::string remedy =
      "give what /v1/catalog/service/NAME or /v1/health/service/NAME answers";
  const Result<Json> json = parse(bytes, remedy);
  if (!json) return json.error();
  if (json->empty()) {
    return {Errc::usage,
            "the answer is empty: no instance passes its checks, or there is no such service",
            "ask without ?passing to see the checks; what is published stays as it is meanwhile"};
  }
  FoundList found;
  for (const Json& item : *json) {
    if (item.is_object()) take_consul_service(found, item, domain);
  }
  return some(std::move(found), "service", remedy);
}

Result<FoundList> read_kubernetes(std::string_view bytes, const std::string& domain) {
  const std::string remedy =
      "give what 'kubectl get services,ingresses,endpointslices -A -o json' prints";
  const Result<Json> json = parse(bytes, remedy);
  if (!json) return json.error();
  const Json& items = member(*json, "items");
  const Json single = Json::array({*json});
  const Json& all = items.is_array() ? items : single;
  FoundList found;
  KubernetesServices services;
  for (const Json& item : all) {
    const std::string kind = text(item, "kind");
    if (kind == "Service") take_kubernetes_service(found, services, item, domain);
    if (kind == "Ingress") take_ingress(found, item);
  }
  // When all services are known: a list is in no order.
  for (const Json& item : all) {
    if (text(item, "kind") == "EndpointSlice") {
      take_endpoint_slice(found, services, item, domain);
    }
  }
  return some(std::move(found), "service, ingress or endpoint slice", remedy);
}

}  // namespace hostspin::desk
