#include "simulator/policy_rules.hpp"

#include <fmt/format.h>

#include <regex>
#include <set>

#include "simulator/json_util.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

// "Microsoft.Compute/virtualMachines/storageProfile.osDisk.name" -> the member of properties, or beside it.
Json alias_value(const std::string& alias, const PolicySubject& subject) {
  std::string path = alias;
  if (starts_with_ignoring_case(alias, subject.type + "/")) path = alias.substr(subject.type.size() + 1);
  const auto parts = split(path, '.');
  const auto follow = [&](Json value) {
    for (const auto& part : parts) value = value.is_object() ? value.value(part, Json()) : Json();
    return value;
  };
  const Json inside = follow(subtree_at(subject.body, "/properties"));
  return inside.is_null() ? follow(subject.body) : inside;
}

Json tag_value(const std::string& name, const PolicySubject& subject) {
  const Json tags = subject.body.value("tags", Json::object());
  if (!tags.is_object()) return nullptr;
  for (const auto& [tag, value] : tags.items())
    if (same(tag, name)) return value;
  return nullptr;
}

Json field_value(const std::string& field, const PolicySubject& subject) {
  static const std::regex kBracketed(R"(^tags\['?([^'\]]*)'?\]$)", std::regex::icase);
  std::smatch parts;
  if (std::regex_match(field, parts, kBracketed)) return tag_value(parts[1].str(), subject);
  if (starts_with_ignoring_case(field, "tags.")) return tag_value(field.substr(5), subject);
  if (same(field, "type")) return subject.type;
  if (same(field, "name") || same(field, "fullName")) return subject.name;
  if (same(field, "id")) return subject.id;
  if (same(field, "tags") || same(field, "kind") || same(field, "location"))
    return subtree_at(subject.body, "/" + lower(field));
  return alias_value(field, subject);
}

bool same_text(const Json& a, const Json& b) {
  const auto text = [](const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
  };
  return same(text(a), text(b));
}

bool is_in(const Json& value, const Json& list) {
  return list.is_array() &&
         std::any_of(list.begin(), list.end(), [&](const Json& one) { return same_text(value, one); });
}

bool contains(const Json& value, const Json& part) {
  if (value.is_array()) return is_in(part, value);
  return value.is_string() && part.is_string() &&
         lower(value.get<std::string>()).find(lower(part.get<std::string>())) != std::string::npos;
}

bool is_true(const Json& value) {
  return value.is_boolean() ? value.get<bool>() : value.is_string() && same(value.get<std::string>(), "true");
}

bool compare(const std::string& name, const Json& value, const Json& wanted) {
  const auto like = [&] {
    return value.is_string() && wanted.is_string() &&
           glob_match(wanted.get<std::string>(), value.get<std::string>());
  };
  if (same(name, "equals")) return same_text(value, wanted);
  if (same(name, "notEquals")) return !same_text(value, wanted);
  if (same(name, "in")) return is_in(value, wanted);
  if (same(name, "notIn")) return !is_in(value, wanted);
  if (same(name, "like")) return like();
  if (same(name, "notLike")) return !like();
  if (same(name, "contains")) return contains(value, wanted);
  if (same(name, "notContains")) return !contains(value, wanted);
  if (same(name, "exists")) return value.is_null() != is_true(wanted);
  return false;
}

// The arguments of "concat('tags[', parameters('tagName'), ']')", each evaluated.
Json call(const std::string& text, const PolicySubject& subject, const Json& parameters) {
  static const std::regex kCall(R"(^\s*(\w+)\s*\((.*)\)\s*$)");
  std::smatch parts;
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') return text.substr(1, text.size() - 2);
  if (!std::regex_match(text, parts, kCall)) return nullptr;
  std::vector<std::string> arguments(1);
  int depth = 0;
  bool quoted = false;
  for (const char c : parts[2].str()) {
    if (c == '\'') quoted = !quoted;
    if (!quoted) depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth == 0 && !quoted)
      arguments.emplace_back();
    else
      arguments.back() += c;
  }
  const std::string name = lower(parts[1].str());
  const Json first = call(trim(arguments[0]), subject, parameters);
  if (name == "parameters" && first.is_string()) return parameters.value(first.get<std::string>(), Json());
  if (name == "field" && first.is_string()) return field_value(first.get<std::string>(), subject);
  if (name != "concat") return nullptr;
  std::string all;
  for (const auto& argument : arguments) {
    const Json value = call(trim(argument), subject, parameters);
    if (value.is_string()) all += value.get<std::string>();
  }
  return all;
}

bool is_expression(const std::string& text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' && !text.starts_with("[[");
}

std::string fault_of_text(const Json& value) {
  if (value.is_array())
    for (const auto& one : value)
      if (const auto fault = fault_of_text(one); !fault.empty()) return fault;
  if (!value.is_string() || !is_expression(value.get<std::string>())) return {};
  static const std::regex kLiteral("'[^']*'"), kFunction(R"((\w+)\s*\()");
  static const std::set<std::string> kKnown = {"parameters", "field", "concat"};
  const auto text = std::regex_replace(value.get<std::string>(), kLiteral, "''");
  for (auto at = std::sregex_iterator(text.begin(), text.end(), kFunction); at != std::sregex_iterator();
       ++at)
    if (kKnown.count(lower((*at)[1].str())) == 0)
      return fmt::format("the function '{}' is unknown or not simulated", (*at)[1].str());
  return {};
}

// {"field"|"value": …, "equals": …}
std::string fault_of_comparison(const Json& condition) {
  static const std::set<std::string> kKnown = {"equals",  "notequals", "in",          "notin", "like",
                                               "notlike", "contains",  "notcontains", "exists"};
  int sides = 0, comparisons = 0;
  for (const auto& [name, value] : condition.items()) {
    const bool side = name == "field" || name == "value";
    if (!side && kKnown.count(lower(name)) == 0)
      return fmt::format("the condition '{}' is unknown or not simulated", name);
    (side ? sides : comparisons) += 1;
    if (const auto fault = fault_of_text(value); !fault.empty()) return fault;
  }
  if (sides != 1 || comparisons != 1) return "a condition has one of 'field' and 'value', and one comparison";
  if (text_at(condition, "/field").find("[*]") != std::string::npos)
    return "fields with '[*]' are not simulated";
  return {};
}

}  // namespace

std::string policy_fault(const Json& condition) {
  if (!condition.is_object()) return "a condition is not an object";
  for (const char* all : {"allOf", "anyOf"}) {
    if (!condition.contains(all)) continue;
    if (condition.size() != 1 || !condition[all].is_array() || condition[all].empty())
      return fmt::format("'{}' is not a list of conditions", all);
    for (const auto& one : condition[all])
      if (const auto fault = policy_fault(one); !fault.empty()) return fault;
    return {};
  }
  if (condition.size() == 1 && condition.contains("not")) return policy_fault(condition["not"]);
  return fault_of_comparison(condition);
}

Json policy_value(const Json& value, const PolicySubject& subject, const Json& parameters) {
  if (!value.is_string()) return value;
  const auto text = value.get<std::string>();
  return is_expression(text) ? call(text.substr(1, text.size() - 2), subject, parameters) : value;
}

bool policy_holds(const Json& condition, const PolicySubject& subject, const Json& parameters) {
  if (!condition.is_object()) return false;
  const auto holds = [&](const Json& one) { return policy_holds(one, subject, parameters); };
  if (condition.contains("allOf"))
    return std::all_of(condition["allOf"].begin(), condition["allOf"].end(), holds);
  if (condition.contains("anyOf"))
    return std::any_of(condition["anyOf"].begin(), condition["anyOf"].end(), holds);
  if (condition.contains("not")) return !holds(condition["not"]);
  Json value;
  if (condition.contains("field")) {
    const Json field = policy_value(condition["field"], subject, parameters);
    if (field.is_string()) value = field_value(field.get<std::string>(), subject);
  } else if (condition.contains("value")) {
    value = policy_value(condition["value"], subject, parameters);
  }
  for (const auto& [name, wanted] : condition.items())
    if (name != "field" && name != "value")
      return compare(name, value, policy_value(wanted, subject, parameters));
  return false;
}

}  // namespace azlin::simulator
