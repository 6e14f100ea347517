#include "simulator/resource_filter.hpp"

#include <fmt/format.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kMostRows = 1'000;  // of one page

using Predicate = std::function<bool(const Resource&)>;

struct Token {
  enum Kind { word, text, open, close, comma, end } kind = end;
  std::string value;
};

// Words are operators and property names; texts are quoted, '' standing for a quote.
std::vector<Token> tokenize(const std::string& filter) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < filter.size();) {
    const char c = filter[i];
    if (c == ' ' || c == '\t') {
      ++i;
    } else if (c == '(' || c == ')' || c == ',') {
      tokens.push_back({c == '(' ? Token::open : c == ')' ? Token::close : Token::comma, std::string(1, c)});
      ++i;
    } else if (c == '\'') {
      std::string value;
      for (++i;; ++i) {
        if (i >= filter.size()) throw std::invalid_argument("a quote is missing");
        if (filter[i] == '\'' && (i + 1 >= filter.size() || filter[i + 1] != '\'')) break;
        if (filter[i] == '\'') ++i;
        value += filter[i];
      }
      ++i;
      tokens.push_back({Token::text, value});
    } else {
      const std::size_t end = std::min(filter.find_first_of(" \t(),'", i), filter.size());
      tokens.push_back({Token::word, filter.substr(i, end - i)});
      i = end;
    }
  }
  tokens.push_back({});
  return tokens;
}

std::string property_of(const Resource& resource, const std::string& name) {
  if (name == "location") return resource.location;
  if (name == "resourcetype") return resource.type;
  if (name == "name") return resource.name;
  if (name == "resourcegroup") return resource.group;
  return {};
}

class Parser {
 public:
  explicit Parser(const std::string& text) : tokens_(tokenize(text)) {}

  ResourceFilter parse() {
    ResourceFilter filter;
    filter.matches = parse_or();
    expect(Token::end);
    const bool tags = tag_.has_value() || tag_value_.has_value();
    if (tags && (others_ || ors_))
      throw std::invalid_argument("tags cannot be combined with other properties");
    if (tag_value_ && (!tag_ || tag_->prefix)) throw std::invalid_argument("tagValue needs tagName");
    if (tag_) {
      tag_->value = tag_value_;
      filter.tag = tag_;
      filter.matches = {};
    }
    if (terms_ == 1) filter.type = type_;
    return filter;
  }

 private:
  const Token& peek() const { return tokens_[at_]; }
  std::string expect(Token::Kind kind) {
    if (peek().kind != kind) throw std::invalid_argument("unexpected '" + peek().value + "'");
    return tokens_[kind == Token::end ? at_ : at_++].value;
  }
  bool accept_word(const char* word) {
    if (peek().kind != Token::word || !same(peek().value, word)) return false;
    ++at_;
    return true;
  }

  Predicate parse_or() {
    Predicate left = parse_and();
    while (accept_word("or")) {
      ors_ = true;
      left = [a = std::move(left), b = parse_and()](const Resource& r) { return a(r) || b(r); };
    }
    return left;
  }

  Predicate parse_and() {
    Predicate left = parse_term();
    while (accept_word("and"))
      left = [a = std::move(left), b = parse_term()](const Resource& r) { return a(r) && b(r); };
    return left;
  }

  Predicate parse_term() {
    if (peek().kind == Token::open) {
      ++at_;
      Predicate inner = parse_or();
      expect(Token::close);
      return inner;
    }
    ++terms_;
    if (accept_word("substringof")) return parse_substring();
    if (accept_word("startswith")) return parse_prefix();
    return parse_comparison();
  }

  Predicate parse_substring() {
    expect(Token::open);
    const std::string part = lower(expect(Token::text));
    expect(Token::comma);
    const std::string name = lower(expect(Token::word));
    expect(Token::close);
    others_ = true;
    if (name != "name" && name != "resourcegroup")
      throw std::invalid_argument("substringof of '" + name + "'");
    return [=](const Resource& r) { return lower(property_of(r, name)).find(part) != std::string::npos; };
  }

  Predicate parse_prefix() {
    expect(Token::open);
    const std::string name = expect(Token::word);
    expect(Token::comma);
    const std::string prefix = expect(Token::text);
    expect(Token::close);
    if (!same(name, "tagName")) throw std::invalid_argument("startswith of '" + name + "'");
    set_tag({prefix, true, {}});
    return [](const Resource&) { return true; };
  }

  Predicate parse_comparison() {
    const std::string name = lower(expect(Token::word));
    const bool equal = accept_word("eq");
    if (!equal && !accept_word("ne")) throw std::invalid_argument("unexpected '" + peek().value + "'");
    const std::string value = expect(Token::text);
    if (name == "tagname" || name == "tagvalue") {
      if (!equal) throw std::invalid_argument("tags take eq only");
      if (name == "tagname")
        set_tag({value, false, {}});
      else if (std::exchange(tag_value_, value))
        throw std::invalid_argument("two tag values");
      return [](const Resource&) { return true; };
    }
    others_ = true;
    if (name != "location" && name != "resourcetype" && name != "name" && name != "resourcegroup")
      throw std::invalid_argument("unknown property '" + name + "'");
    if (name == "resourcetype" && equal) type_ = lower(value);
    return [=](const Resource& r) { return same(property_of(r, name), value) == equal; };
  }

  void set_tag(ResourceFilter::Tag tag) {
    if (tag_) throw std::invalid_argument("two tag names");
    tag_ = std::move(tag);
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::optional<ResourceFilter::Tag> tag_;
  std::optional<std::string> tag_value_;
  std::string type_;
  int terms_ = 0;
  bool others_ = false, ors_ = false;
};

}  // namespace

ResourceFilter parse_resource_filter(const std::string& text) {
  if (trim(text).empty()) return {};
  try {
    return Parser(text).parse();
  } catch (const std::invalid_argument& error) {
    throw ApiError(
        400, "InvalidFilterInQueryString",
        fmt::format("Invalid $filter '{}' specified in the query string. ({})", text, error.what()));
  }
}

bool has_tag(const Resource& resource, const ResourceFilter::Tag& wanted) {
  const Json tags = resource.body.value("tags", Json::object());
  for (const auto& [name, value] : tags.items()) {
    if (wanted.prefix ? starts_with_ignoring_case(name, wanted.name) : same(name, wanted.name)) return true;
  }
  return false;
}

std::size_t checked_top(const Request& request) {
  const std::string top = request.query_or("$top", "");
  if (top.empty()) return kMostRows;
  const bool digits = std::all_of(top.begin(), top.end(), [](unsigned char c) { return std::isdigit(c); });
  if (!digits || top.size() > 6 || std::stoi(top) < 1)
    throw ApiError(400, "InvalidTopInQueryString",
                   "The $top '" + top + "' specified in the query string is invalid.");
  return std::min<std::size_t>(kMostRows, std::stoul(top));
}

}  // namespace azlin::simulator
