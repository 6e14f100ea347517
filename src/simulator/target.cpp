#include "simulator/target.hpp"

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

std::string join(const std::vector<std::string>& segments, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) path += "/" + segments[i];
  return path;
}

std::size_t last_provider(const std::vector<std::string>& segments) {
  for (std::size_t i = segments.size(); i-- > 0;) {
    if (same(segments[i], "providers") && i + 1 < segments.size()) return i;
  }
  return segments.size();
}

std::string action_of(const std::string& method, const Target& target) {
  if (method == "GET" || method == "HEAD") return target.type + "/read";
  if (method == "DELETE") return target.type + "/delete";
  if (method == "POST") return target.type + "/" + target.verb + "/action";
  return target.type + "/write";
}

// Types and names alternate after the namespace; a type without a name is a list, or the action of a POST.
void parse_provider(const std::string& method, const std::vector<std::string>& segments, std::size_t at,
                    Target& target) {
  target.space = segments[at + 1];
  target.type = target.space;
  target.parent = join(segments, at);
  target.id = target.parent;
  std::size_t i = at + 2;
  for (; i + 1 < segments.size(); i += 2) {
    target.type += "/" + segments[i];
    target.name = segments[i + 1];
    target.id = join(segments, i + 2);
  }
  if (i >= segments.size()) return;
  if (method == "POST") {
    target.verb = segments[i];
  } else {
    target.type += "/" + segments[i];
    target.verb = segments[i];
    target.name.clear();
  }
}

void parse_scope(const std::string& method, const std::vector<std::string>& segments, Target& target) {
  target.space = "Microsoft.Resources";
  const std::size_t scope = !target.group.empty() ? 4 : !target.subscription.empty() ? 2 : 0;
  target.id = join(segments, std::min(scope, segments.size()));
  target.parent = target.id;
  target.type = scope == 0 ? "Microsoft.Resources" : "Microsoft.Resources/subscriptions";
  if (scope == 4) target.type += "/resourceGroups";
  if (scope != 0) target.name = segments[scope - 1];
  if (segments.size() <= scope) return;
  target.verb = segments[scope];
  if (method != "POST") target.type += "/" + segments[scope];
}

}  // namespace

Target parse_target(const std::string& method, const std::vector<std::string>& segments) {
  Target target;
  if (segments.size() >= 2 && same(segments[0], "subscriptions")) target.subscription = segments[1];
  if (segments.size() >= 4 && !target.subscription.empty() && same(segments[2], "resourceGroups"))
    target.group = segments[3];
  const auto at = last_provider(segments);
  if (at < segments.size()) {
    parse_provider(method, segments, at, target);
  } else {
    parse_scope(method, segments, target);
  }
  target.action = action_of(method, target);
  return target;
}

}  // namespace azlin::simulator
