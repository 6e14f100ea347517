#include "simulator/kql_value.hpp"

#include <stdexcept>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

using Json = nlohmann::json;

// `has` finds whole words.
bool has_word(const std::string& text, const std::string& word) {
  const auto boundary = [&](std::size_t at) {
    return at >= text.size() || !std::isalnum(static_cast<unsigned char>(text[at]));
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
    if ((at == 0 || boundary(at - 1)) && boundary(at + word.size())) return true;
  }
  return false;
}

bool text_operator(const std::string& op, const Json& a, const Json& b) {
  const std::string left = lower(kql_text(a)), right = lower(kql_text(b));
  if (op == "=~") return !a.is_null() && left == right;
  if (op == "contains") return left.find(right) != std::string::npos;
  if (op == "startswith") return left.starts_with(right);
  if (op == "endswith") return left.ends_with(right);
  return has_word(left, right);
}

}  // namespace

std::string kql_text(const Json& value) {
  if (value.is_null()) return {};
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool kql_true(const Json& value) {
  return value.is_boolean() && value.get<bool>();
}

int kql_compare(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) {
    const double x = a.get<double>(), y = b.get<double>();
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const int order = kql_text(a).compare(kql_text(b));
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

std::function<bool(const Json&, const Json&)> kql_operator(const std::string& op) {
  if (op == "==") return [](const Json& a, const Json& b) { return !a.is_null() && kql_compare(a, b) == 0; };
  if (op == "!=") return [](const Json& a, const Json& b) { return a.is_null() || kql_compare(a, b) != 0; };
  if (op == "!~") return [](const Json& a, const Json& b) { return !text_operator("=~", a, b); };
  if (op == "<") return [](const Json& a, const Json& b) { return !a.is_null() && kql_compare(a, b) < 0; };
  if (op == "<=") return [](const Json& a, const Json& b) { return !a.is_null() && kql_compare(a, b) <= 0; };
  if (op == ">") return [](const Json& a, const Json& b) { return !a.is_null() && kql_compare(a, b) > 0; };
  if (op == ">=") return [](const Json& a, const Json& b) { return !a.is_null() && kql_compare(a, b) >= 0; };
  for (const char* known : {"=~", "contains", "startswith", "endswith", "has"}) {
    if (op == known) return [op](const Json& a, const Json& b) { return text_operator(op, a, b); };
    if (op == std::string("!") + known)
      return [op = op.substr(1)](const Json& a, const Json& b) { return !text_operator(op, a, b); };
  }
  throw std::invalid_argument("the operator '" + op + "' is not supported");
}

KqlValue kql_function(const std::string& name, KqlValue argument) {
  const std::string known = lower(name);
  if (known == "tostring") return [argument](const Json& row) { return Json(kql_text(argument(row))); };
  if (known == "tolower") return [argument](const Json& row) { return Json(lower(kql_text(argument(row)))); };
  if (known == "toupper")
    return [argument](const Json& row) {
      std::string text = kql_text(argument(row));
      std::transform(text.begin(), text.end(), text.begin(),
                     [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      return Json(text);
    };
  if (known == "toint" || known == "tolong")
    return [argument](const Json& row) {
      const Json value = argument(row);
      if (value.is_number()) return Json(value.get<std::int64_t>());
      const std::string text = kql_text(value);
      char* end = nullptr;
      const long long number = std::strtoll(text.c_str(), &end, 10);
      return text.empty() || *end != '\0' ? Json() : Json(number);
    };
  if (known == "todatetime" || known == "not") {
    if (known == "not") return [argument](const Json& row) { return Json(!kql_true(argument(row))); };
    return argument;  // ISO texts order as times do
  }
  if (known == "isempty")
    return [argument](const Json& row) { return Json(kql_text(argument(row)).empty()); };
  if (known == "isnotempty")
    return [argument](const Json& row) { return Json(!kql_text(argument(row)).empty()); };
  if (known == "isnull") return [argument](const Json& row) { return Json(argument(row).is_null()); };
  if (known == "isnotnull") return [argument](const Json& row) { return Json(!argument(row).is_null()); };
  throw std::invalid_argument("the function '" + name + "' is not supported");
}

}  // namespace azlin::simulator
