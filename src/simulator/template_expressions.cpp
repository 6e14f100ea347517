#include "simulator/template_expressions.hpp"

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "simulator/json_util.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

using Arguments = std::vector<Json>;
constexpr int kDeepest = 100;

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
}

const Json* find_member(const Json& object, const std::string& name) {
  if (!object.is_object()) return nullptr;
  for (auto it = object.begin(); it != object.end(); ++it)
    if (same(it.key(), name)) return &it.value();
  return nullptr;
}

// "/subscriptions/…/providers/T/n" of "Microsoft.X/a/b", n1, n2; a group and a subscription may come first.
std::string resource_id(const Arguments& arguments, const TemplateScope& scope, bool of_subscription) {
  std::size_t at = 0;
  while (at < arguments.size() && text_of(arguments[at]).find('/') == std::string::npos) ++at;
  if (at == arguments.size()) throw invalid_template("resourceId needs a type");
  std::string subscription = text_at(scope.subscription, "/id"),
              base = text_at(scope.group, "/id", subscription);
  if (of_subscription) base = at > 0 ? "/subscriptions/" + text_of(arguments[0]) : subscription;
  if (!of_subscription && at > 0)
    base = (at > 1 ? "/subscriptions/" + text_of(arguments[0]) : subscription) + "/resourceGroups/" +
           text_of(arguments[at - 1]);
  const auto types = split(text_of(arguments[at]), '/');
  if (arguments.size() - at != types.size())
    throw invalid_template("resourceId's type and names do not match");
  std::string id = base + "/providers/" + types[0];
  for (std::size_t i = 1; i < types.size(); ++i) id += "/" + types[i] + "/" + text_of(arguments[at + i]);
  return id;
}

Json concat(const Arguments& arguments) {
  if (!arguments.empty() && arguments[0].is_array()) {
    Json all = Json::array();
    for (const auto& one : arguments) all.insert(all.end(), one.begin(), one.end());
    return all;
  }
  std::string all;
  for (const auto& one : arguments) all += text_of(one);
  return all;
}

// "{0}-{1}"
Json format_text(const Arguments& arguments) {
  std::string text = text_of(arguments.at(0));
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string place = fmt::format("{{{}}}", i - 1), value = text_of(arguments[i]);
    for (auto at = text.find(place); at != std::string::npos; at = text.find(place, at + value.size()))
      text.replace(at, place.size(), value);
  }
  return text;
}

Json replace_text(const Arguments& arguments) {
  std::string text = text_of(arguments.at(0));
  const std::string from = text_of(arguments.at(1)), to = text_of(arguments.at(2));
  for (auto at = text.find(from); !from.empty() && at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

Json substring(const Arguments& arguments) {
  const auto text = text_of(arguments.at(0));
  const auto from = arguments.at(1).get<std::size_t>();
  const auto length = arguments.size() > 2 ? arguments[2].get<std::size_t>() : text.size();
  if (from > text.size()) throw invalid_template("substring starts after the end of the text");
  return text.substr(from, length);
}

bool is_empty(const Json& value) {
  return value.is_null() || (value.is_string() ? value.get_ref<const std::string&>().empty() : value.empty());
}

bool contains(const Json& container, const Json& wanted) {
  if (container.is_string()) return container.get<std::string>().find(text_of(wanted)) != std::string::npos;
  if (container.is_object()) return find_member(container, text_of(wanted)) != nullptr;
  return std::find(container.begin(), container.end(), wanted) != container.end();
}

Json size_of(const Json& value) {
  return value.is_string() ? value.get_ref<const std::string&>().size() : value.size();
}

std::int64_t integer(const Json& value) {
  return value.is_string() ? std::stoll(value.get<std::string>()) : value.get<std::int64_t>();
}

Json make_object(const Arguments& arguments) {
  Json object = Json::object();
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) object[text_of(arguments[i])] = arguments[i + 1];
  return object;
}

Json merge(const Arguments& arguments) {
  Json all = arguments.at(0);
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (all.is_object()) {
      all.update(arguments[i]);
      continue;
    }
    for (const auto& one : arguments[i])
      if (!contains(all, one)) all.push_back(one);
  }
  return all;
}

std::string unique_text(const Arguments& arguments) {
  std::string all;
  for (const auto& one : arguments) all += text_of(one) + "-";
  auto guid = guid_from(all);
  std::erase(guid, '-');
  return guid.substr(0, 13);
}

Json join(const Arguments& arguments) {
  std::string all;
  for (const auto& one : arguments.at(0)) all += (all.empty() ? "" : text_of(arguments.at(1))) + text_of(one);
  return all;
}

using Function = std::function<Json(const Arguments&)>;

// Those that depend on nothing but their arguments.
const std::map<std::string, Function>& pure_functions() {
  static const std::map<std::string, Function> kFunctions = {
      {"concat", concat},
      {"format", format_text},
      {"replace", replace_text},
      {"substring", substring},
      {"union", merge},
      {"join", join},
      {"createobject", make_object},
      {"uniquestring", [](const Arguments& a) { return Json(unique_text(a)); }},
      {"guid", [](const Arguments& a) { return Json(guid_from(unique_text(a))); }},
      {"createarray", [](const Arguments& a) { return Json(a); }},
      {"array", [](const Arguments& a) { return a.at(0).is_array() ? a[0] : Json::array({a[0]}); }},
      {"tolower", [](const Arguments& a) { return Json(lower(text_of(a.at(0)))); }},
      {"toupper",
       [](const Arguments& a) {
         auto text = text_of(a.at(0));
         std::transform(text.begin(), text.end(), text.begin(),
                        [](unsigned char c) { return std::toupper(c); });
         return Json(text);
       }},
      {"trim", [](const Arguments& a) { return Json(trim(text_of(a.at(0)))); }},
      {"string", [](const Arguments& a) { return Json(text_of(a.at(0))); }},
      {"int", [](const Arguments& a) { return Json(integer(a.at(0))); }},
      {"bool", [](const Arguments& a) { return Json(same(text_of(a.at(0)), "true")); }},
      {"true", [](const Arguments&) { return Json(true); }},
      {"false", [](const Arguments&) { return Json(false); }},
      {"null", [](const Arguments&) { return Json(); }},
      {"json", [](const Arguments& a) { return Json::parse(text_of(a.at(0))); }},
      {"equals", [](const Arguments& a) { return Json(a.at(0) == a.at(1)); }},
      {"not", [](const Arguments& a) { return Json(!a.at(0).get<bool>()); }},
      {"and",
       [](const Arguments& a) {
         return Json(std::all_of(a.begin(), a.end(), [](const Json& one) { return one.get<bool>(); }));
       }},
      {"or",
       [](const Arguments& a) {
         return Json(std::any_of(a.begin(), a.end(), [](const Json& one) { return one.get<bool>(); }));
       }},
      {"greater", [](const Arguments& a) { return Json(a.at(0) > a.at(1)); }},
      {"less", [](const Arguments& a) { return Json(a.at(0) < a.at(1)); }},
      {"greaterorequals", [](const Arguments& a) { return Json(a.at(0) >= a.at(1)); }},
      {"lessorequals", [](const Arguments& a) { return Json(a.at(0) <= a.at(1)); }},
      {"empty", [](const Arguments& a) { return Json(is_empty(a.at(0))); }},
      {"length", [](const Arguments& a) { return size_of(a.at(0)); }},
      {"contains", [](const Arguments& a) { return Json(contains(a.at(0), a.at(1))); }},
      {"startswith",
       [](const Arguments& a) {
         return Json(starts_with_ignoring_case(text_of(a.at(0)), text_of(a.at(1))));
       }},
      {"first",
       [](const Arguments& a) {
         return a.at(0).is_string() ? Json(text_of(a[0]).substr(0, 1)) : a[0].at(0);
       }},
      {"last",
       [](const Arguments& a) {
         return a.at(0).is_string() ? Json(text_of(a[0]).substr(text_of(a[0]).size() - 1))
                                    : a[0].at(a[0].size() - 1);
       }},
      {"split", [](const Arguments& a) { return Json(split(text_of(a.at(0)), text_of(a.at(1)).at(0))); }},
      {"coalesce",
       [](const Arguments& a) {
         const auto found = std::find_if(a.begin(), a.end(), [](const Json& one) { return !one.is_null(); });
         return found == a.end() ? Json() : *found;
       }},
      {"add", [](const Arguments& a) { return Json(integer(a.at(0)) + integer(a.at(1))); }},
      {"sub", [](const Arguments& a) { return Json(integer(a.at(0)) - integer(a.at(1))); }},
      {"mul", [](const Arguments& a) { return Json(integer(a.at(0)) * integer(a.at(1))); }}};
  return kFunctions;
}

class Expression {
 public:
  Expression(std::string text, const TemplateScope& scope) : text_(std::move(text)), scope_(scope) {}

  Json value() {
    const Json result = expression();
    skip_spaces();
    if (at_ != text_.size() - 1) throw unreadable();
    return result;
  }

 private:
  ApiError unreadable() const { return invalid_template("cannot read the expression " + text_); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_spaces() {
    while (std::isspace(static_cast<unsigned char>(peek())) != 0) ++at_;
  }
  void expect(char wanted) {
    skip_spaces();
    if (peek() != wanted) throw unreadable();
    ++at_;
  }

  std::string word() {
    const auto begin = at_;
    while (std::isalnum(static_cast<unsigned char>(peek())) != 0 || peek() == '_' || peek() == '-') ++at_;
    return text_.substr(begin, at_ - begin);
  }

  // 'it''s'
  std::string literal() {
    std::string value;
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) throw unreadable();
      if (text_[at_] == '\'' && (at_ + 1 >= text_.size() || text_[at_ + 1] != '\'')) break;
      if (text_[at_] == '\'') ++at_;
      value += text_[at_];
    }
    ++at_;
    return value;
  }

  Json number(const std::string& digits) const {
    std::int64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end) throw unreadable();
    return value;
  }

  Json expression() {
    if (++depth_ > kDeepest) throw invalid_template("an expression is nested too deeply");
    const Json value = term();
    --depth_;
    return value;
  }

  Json term() {
    skip_spaces();
    if (peek() == '\'') return literal();
    const auto name = word();
    if (name.empty()) throw unreadable();
    if (name.find_first_not_of("-0123456789") == std::string::npos) return number(name);
    return members(call(lower(name)));
  }

  static Json element(const Json& list, const Json& index) {
    if (!list.is_array() || !index.is_number_integer() || index < 0 || index >= list.size())
      throw invalid_template("The language expression property array index '" + index.dump() +
                             "' is out of bounds");
    return list[index.get<std::size_t>()];
  }

  // .name and [index] after a call.
  Json members(Json value) {
    while (true) {
      skip_spaces();
      if (peek() == '.') {
        ++at_;
        const auto name = word();
        if (name.empty()) throw unreadable();
        if (skipping_) continue;
        const Json* found = find_member(value, name);
        if (found == nullptr)
          throw invalid_template(fmt::format("The language expression property '{}' doesn't exist", name));
        value = Json(*found);
      } else if (peek() == '[') {
        ++at_;
        const Json index = expression();
        expect(']');
        if (index.is_string() && !skipping_) {
          const Json* found = find_member(value, index.get<std::string>());
          if (found == nullptr) throw invalid_template("no such member: " + index.dump());
          value = Json(*found);
        } else if (!skipping_) {
          value = element(value, index);
        }
      } else {
        return value;
      }
    }
  }

  // Reads an expression that has no value, as the branch that an "if" does not take.
  Json skipped() {
    const bool outer = std::exchange(skipping_, true);
    expression();
    skipping_ = outer;
    return nullptr;
  }

  // Whether the next argument of an "if" is the branch that it does not take.
  static bool not_taken(const Arguments& before) {
    if (before.empty() || !before[0].is_boolean()) return false;
    return before.size() == (before[0].get<bool>() ? 2U : 1U);
  }

  Json call(const std::string& name) {
    expect('(');
    Arguments arguments;
    for (skip_spaces(); peek() != ')'; skip_spaces()) {
      arguments.push_back(name == "if" && not_taken(arguments) ? skipped() : expression());
      skip_spaces();
      if (peek() != ',') break;
      ++at_;
    }
    expect(')');
    if (skipping_) return nullptr;
    const auto pure = pure_functions().find(name);
    try {
      return pure != pure_functions().end() ? pure->second(arguments) : scoped(name, arguments);
    } catch (const std::out_of_range&) {
      throw invalid_template(
          fmt::format("the function '{}' has too few arguments or an index out of bounds", name));
    } catch (const std::invalid_argument&) {
      throw invalid_template(fmt::format("the function '{}' was given text that is no number", name));
    } catch (const Json::exception& error) {
      throw invalid_template(
          fmt::format("the function '{}' was given a value of the wrong type: {}", name, error.what()));
    }
  }

  Json look_up(const Json& values, const Json& name, const char* kind) const {
    const Json* found = find_member(values, text_of(name));
    if (found == nullptr)
      throw invalid_template(fmt::format("the {} '{}' is not found", kind, text_of(name)));
    return *found;
  }

  // Without itself, so that one that refers to itself is not found.
  Json variable(const Json& name) const {
    const Json value = look_up(scope_.variables, name, "variable");
    TemplateScope rest = scope_;
    for (auto it = rest.variables.begin(); it != rest.variables.end();)
      it = same(it.key(), text_of(name)) ? rest.variables.erase(it) : std::next(it);
    return resolve_template(value, rest);
  }

  Json scoped(const std::string& name, const Arguments& a) {
    if (name == "parameters") return look_up(scope_.parameters, a.at(0), "parameter");
    if (name == "variables") return variable(a.at(0));
    if (name == "resourcegroup" && !scope_.group.is_null()) return scope_.group;
    if (name == "subscription") return scope_.subscription;
    if (name == "deployment") return scope_.deployment;
    if (name == "if") return a.at(0).get<bool>() ? a.at(1) : a.at(2);
    if (name == "resourceid") return resource_id(a, scope_, false);
    if (name == "subscriptionresourceid") return resource_id(a, scope_, true);
    if (name == "reference" && scope_.reference)
      return scope_.reference(text_of(a.at(0)), a.size() > 2 && same(text_of(a[2]), "Full"));
    if (name == "copyindex") {
      const bool named = !a.empty() && a[0].is_string();
      const auto found = scope_.copies.find(named ? lower(text_of(a[0])) : "");
      if (found == scope_.copies.end()) throw invalid_template("copyIndex outside of a copy");
      const auto offset = named ? 1U : 0U;
      return found->second + (a.size() > offset ? integer(a[offset]) : 0);
    }
    throw invalid_template(
        fmt::format("the template function '{}' is not valid here or not simulated", name));
  }

  std::string text_;
  const TemplateScope& scope_;
  std::size_t at_ = 1;
  int depth_ = 0;
  bool skipping_ = false;  // what is read is not evaluated
};

}  // namespace

ApiError invalid_template(const std::string& message) {
  return {400, "InvalidTemplate", "Deployment template validation failed: '" + message + "'."};
}

Json resolve_template(const Json& value, const TemplateScope& scope) {
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    if (text.size() < 2 || text.front() != '[' || text.back() != ']') return value;
    if (text.starts_with("[[")) return text.substr(1);
    return Expression(text, scope).value();
  }
  if (value.is_array()) {
    Json all = Json::array();
    for (const auto& one : value) all.push_back(resolve_template(one, scope));
    return all;
  }
  if (!value.is_object()) return value;
  Json all = Json::object();
  for (const auto& [name, member] : value.items()) {
    const Json key = resolve_template(name, scope);
    all[key.is_string() ? key.get<std::string>() : name] = resolve_template(member, scope);
  }
  return all;
}

}  // namespace azlin::simulator
