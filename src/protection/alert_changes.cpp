#include "protection/alert_changes.hpp"

#include <yaml-cpp/yaml.h>

#include <map>

#include "azlin/alert/config.hpp"
#include "azlin/core/error.hpp"
#include "protection/yaml_tree.hpp"

namespace azlin::protection {

using nlohmann::ordered_json;

namespace {

constexpr const char* kHead =
    "# Written by `azlin apply` from a protection file: change it there. The format is docs/alerts.md.\n";

std::string text_of(const ordered_json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// "channels.slack.webhook_url" -> value. Lists count as one value; so does an empty mapping.
void flatten(const ordered_json& tree, const std::string& path, std::map<std::string, std::string>& into) {
  if (!tree.is_object() || (tree.empty() && !path.empty())) {
    into[path] = text_of(tree);
    return;
  }
  for (const auto& [key, value] : tree.items()) flatten(value, path.empty() ? key : path + "." + key, into);
}

std::optional<std::string> find(const std::map<std::string, std::string>& all, const std::string& key) {
  const auto found = all.find(key);
  return found == all.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

AlertsState parse_alerts(const std::string& text, const std::string& path) {
  AlertsState state{text, ordered_json::object(), {}};
  try {
    alert::parse_config(text, path);
    const auto root = YAML::Load(text);
    if (root.IsMap()) state.tree = to_json(root);
  } catch (const core::Error& error) {
    state.error = error.what();
  }
  return state;
}

void add_alert_changes(Plan& plan, const ProtectionFile& file) {
  if (!file.alerts) return;
  std::map<std::string, std::string> before, after;
  flatten(plan.alerts_before.tree, "", before);
  flatten(*file.alerts, "", after);
  std::map<std::string, std::string> all = before;
  all.insert(after.begin(), after.end());
  for (const auto& [key, unused] : all) {
    auto was = find(before, key), is = find(after, key);
    if (was != is) plan.alerts.push_back({key, std::move(was), std::move(is)});
  }
  if (!plan.alerts_before.error.empty())
    plan.warnings.push_back("alerts.yaml has mistakes and would be replaced: " + plan.alerts_before.error);
  if (!plan.alerts.empty() || !plan.alerts_before.error.empty())
    plan.alerts_text = kHead + (file.alerts->empty() ? std::string() : to_yaml(*file.alerts));
}

}  // namespace azlin::protection
