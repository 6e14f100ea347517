#include "simulator/kql.hpp"

#include <set>
#include <stdexcept>

#include "simulator/kql_tokens.hpp"
#include "simulator/kql_value.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

using Json = nlohmann::json;

struct Column {
  std::string name;
  KqlValue value;
};

struct SortKey {
  KqlValue value;
  bool descending = true;
};

// A value as parsed, and what the index can make of it.
struct Expression {
  KqlValue value;
  std::string path;                    // of a plain path: "type", "tags/x"
  std::optional<std::string> literal;  // of a text
};

Rows sorted(Rows rows, const std::vector<SortKey>& keys) {
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    for (const auto& key : keys) {
      const int order = kql_compare(key.value(a), key.value(b));
      if (order != 0) return key.descending ? order > 0 : order < 0;
    }
    return false;
  });
  return rows;
}

Rows first_of(Rows rows, std::size_t count) {
  if (rows.size() > count) rows.resize(count);
  return rows;
}

Row project_row(const Row& row, const std::vector<Column>& columns) {
  Row result = Row::object();
  for (const auto& column : columns) result[column.name] = column.value(row);
  return result;
}

class Parser {
 public:
  explicit Parser(const std::string& text) : tokens_(tokenize_kql(text)) {}

  KqlQuery parse() {
    query_.table = lower(word());
    if (query_.table != "resources" && query_.table != "resourcecontainers")
      throw std::invalid_argument("the table '" + query_.table + "' is not supported");
    while (accept("|")) step();
    if (peek().kind != KqlToken::end) throw std::invalid_argument("unexpected '" + peek().value + "'");
    return query_;
  }

 private:
  const KqlToken& peek() const { return tokens_[at_]; }
  bool is_sign(const char* sign) const { return peek().kind == KqlToken::sign && peek().value == sign; }
  bool is_word(const char* text) const { return peek().kind == KqlToken::word && same(peek().value, text); }
  bool accept(const char* sign) { return is_sign(sign) && ++at_ != 0; }
  bool accept_word(const char* text) { return is_word(text) && ++at_ != 0; }
  void expect(const char* sign) {
    if (!accept(sign))
      throw std::invalid_argument(std::string("'") + sign + "' is missing before '" + peek().value + "'");
  }
  std::string word() {
    if (peek().kind != KqlToken::word)
      throw std::invalid_argument("a name is missing before '" + peek().value + "'");
    return tokens_[at_++].value;
  }
  std::size_t number() {
    if (peek().kind != KqlToken::number || peek().value.size() > 9)
      throw std::invalid_argument("a number is missing before '" + peek().value + "'");
    return std::stoul(tokens_[at_++].value);
  }

  void step() {
    const std::string name = lower(word());
    if (name == "where" || name == "filter") return where();
    if (name == "project") return project();
    if (name == "extend") return extend();
    if (name == "project-away") return project_away();
    if (name == "distinct") return distinct();
    if (name == "order" || name == "sort") return order();
    if (name == "take" || name == "limit")
      return add([count = number()](Rows rows) { return first_of(std::move(rows), count); });
    if (name == "top") return top();
    if (name == "count") return summarize_count("Count", {});
    if (name == "summarize") return summarize();
    throw std::invalid_argument("the operator '" + name + "' is not supported");
  }

  void add(std::function<Rows(Rows)> step) {
    query_.steps.push_back(std::move(step));
    shaped_ = true;
  }

  void where() {
    const KqlValue condition = or_expression(!shaped_).value;
    query_.steps.push_back([condition](Rows rows) {
      std::erase_if(rows, [&](const Row& row) { return !kql_true(condition(row)); });
      return rows;
    });
  }

  std::vector<Column> columns() {
    std::vector<Column> list;
    do {
      Column column;
      if (peek().kind == KqlToken::word && tokens_[at_ + 1].kind == KqlToken::sign &&
          tokens_[at_ + 1].value == "=") {
        column.name = word();
        expect("=");
      }
      const Expression value = primary();
      if (column.name.empty()) column.name = default_name(value.path);
      column.value = value.value;
      list.push_back(column);
    } while (accept(","));
    return list;
  }

  static std::string default_name(const std::string& path) {
    if (path.empty()) throw std::invalid_argument("a column without a name");
    std::string name = path;  // Kusto names properties.a.b properties_a_b
    std::replace(name.begin(), name.end(), '/', '_');
    return name;
  }

  void project() {
    const auto list = columns();
    query_.projects_id =
        std::any_of(list.begin(), list.end(), [](const Column& column) { return column.name == "id"; });
    add([list](Rows rows) {
      for (auto& row : rows) row = project_row(row, list);
      return rows;
    });
  }

  void extend() {
    const auto list = columns();
    add([list](Rows rows) {
      for (auto& row : rows) row.update(project_row(row, list));
      return rows;
    });
  }

  void project_away() {
    std::vector<std::string> names;
    do names.push_back(word());
    while (accept(","));
    if (std::find(names.begin(), names.end(), "id") != names.end()) query_.projects_id = false;
    add([names](Rows rows) {
      for (auto& row : rows)
        for (const auto& name : names) row.erase(name);
      return rows;
    });
  }

  void distinct() {
    const auto list = columns();
    query_.projects_id =
        std::any_of(list.begin(), list.end(), [](const Column& column) { return column.name == "id"; });
    add([list](Rows rows) {
      std::set<Row> seen;
      Rows kept;
      for (const auto& row : rows) {
        Row projected = project_row(row, list);
        if (seen.insert(projected).second) kept.push_back(std::move(projected));
      }
      return kept;
    });
  }

  std::vector<SortKey> sort_keys() {
    std::vector<SortKey> keys;
    do {
      SortKey key{primary().value};
      if (accept_word("asc")) {
        key.descending = false;
      } else {
        accept_word("desc");
      }
      keys.push_back(key);
    } while (accept(","));
    return keys;
  }

  void order() {
    if (!accept_word("by")) throw std::invalid_argument("'by' is missing");
    // Ordering is no reshaping: later conditions can still be looked up.
    query_.steps.push_back([keys = sort_keys()](Rows rows) { return sorted(std::move(rows), keys); });
  }

  void top() {
    const std::size_t count = number();
    if (!accept_word("by")) throw std::invalid_argument("'by' is missing");
    add([count, keys = sort_keys()](Rows rows) { return first_of(sorted(std::move(rows), keys), count); });
  }

  void summarize() {
    std::string name = "count_";
    if (!is_word("count")) {
      name = word();
      expect("=");
    }
    if (!accept_word("count")) throw std::invalid_argument("only count() is supported in summarize");
    expect("(");
    expect(")");
    summarize_count(name, accept_word("by") ? columns() : std::vector<Column>());
  }

  void summarize_count(const std::string& name, const std::vector<Column>& by) {
    query_.projects_id =
        std::any_of(by.begin(), by.end(), [](const Column& column) { return column.name == "id"; });
    add([name, by](Rows rows) {
      std::map<Row, std::int64_t> counts;
      if (by.empty()) counts[Row::object()] = 0;
      for (const auto& row : rows) ++counts[project_row(row, by)];
      Rows result;
      for (const auto& [key, count] : counts) {
        Row row = key;
        row[name] = count;
        result.push_back(row);
      }
      return result;
    });
  }

  // `indexable`: this expression must hold for every result, so that what it asks can be looked up.
  Expression or_expression(bool indexable) {
    const auto type = query_.type;
    const auto tag = query_.tag;
    Expression left = and_expression(indexable);
    while (accept_word("or")) {
      query_.type = type;
      query_.tag = tag;
      left = {[a = left.value, b = and_expression(false).value](const Json& row) {
                return Json(kql_true(a(row)) || kql_true(b(row)));
              },
              {},
              {}};
    }
    return left;
  }

  Expression and_expression(bool indexable) {
    Expression left = comparison(indexable);
    while (accept_word("and"))
      left = {[a = left.value, b = comparison(indexable).value](const Json& row) {
                return Json(kql_true(a(row)) && kql_true(b(row)));
              },
              {},
              {}};
    return left;
  }

  Expression comparison(bool indexable) {
    if (accept("(")) {
      const Expression inner = or_expression(indexable);
      expect(")");
      return inner;
    }
    const Expression left = primary();
    const bool negated = is_sign("!") && ++at_ != 0;
    if (accept_word("in")) return membership(left, negated, false);
    if (accept_word("in~")) return membership(left, negated, true);
    std::string op;
    if (negated) {
      op = "!" + word();
    } else if (peek().kind == KqlToken::sign && std::string("|),").find(peek().value) == std::string::npos) {
      op = tokens_[at_++].value;
    } else if (is_word("contains") || is_word("startswith") || is_word("endswith") || is_word("has")) {
      op = lower(word());
    } else {
      return left;
    }
    const Expression right = primary();
    if (indexable && right.literal && (op == "==" || op == "=~")) note(left.path, *right.literal);
    return {[test = kql_operator(op), a = left.value, b = right.value](const Json& row) {
              return Json(test(a(row), b(row)));
            },
            {},
            {}};
  }

  void note(const std::string& path, const std::string& value) {
    if (path == "type") query_.type = lower(value);
    if (path.starts_with("tags/")) query_.tag = {lower(path.substr(5)), value};
  }

  Expression membership(const Expression& left, bool negated, bool ignore_case) {
    expect("(");
    std::vector<KqlValue> items;
    do items.push_back(primary().value);
    while (accept(","));
    expect(")");
    const auto test = kql_operator(ignore_case ? "=~" : "==");
    return {[=, value = left.value](const Json& row) {
              const Json wanted = value(row);
              const bool found = std::any_of(items.begin(), items.end(),
                                             [&](const KqlValue& item) { return test(wanted, item(row)); });
              return Json(found != negated);
            },
            {},
            {}};
  }

  static Expression constant(const Json& value) {
    Expression expression{[value](const Json&) { return value; }, {}, {}};
    if (value.is_string()) expression.literal = value.get<std::string>();
    return expression;
  }

  Expression primary() {
    if (peek().kind == KqlToken::text) return constant(tokens_[at_++].value);
    if (accept("-")) return constant(-std::stod(tokens_[at_++].value));
    if (peek().kind == KqlToken::number) {
      const std::string text = tokens_[at_++].value;
      return constant(text.find('.') == std::string::npos ? Json(std::stoll(text)) : Json(std::stod(text)));
    }
    if (accept_word("true")) return constant(true);
    if (accept_word("false")) return constant(false);
    const std::string name = word();
    if (accept("(")) {
      const KqlValue argument = or_expression(false).value;
      expect(")");
      return {kql_function(name, argument), {}, {}};
    }
    return path(name);
  }

  // a.b, a['b'], a["b"], a[0]
  Expression path(const std::string& first) {
    std::vector<std::string> parts{first};
    while (true) {
      if (accept(".")) {
        parts.push_back(word());
      } else if (accept("[")) {
        if (peek().kind != KqlToken::text && peek().kind != KqlToken::number)
          throw std::invalid_argument("a key is missing in [ ]");
        parts.push_back(tokens_[at_++].value);
        expect("]");
      } else {
        break;
      }
    }
    std::string joined = parts[0];
    for (std::size_t i = 1; i < parts.size(); ++i) joined += "/" + parts[i];
    return {[parts](const Json& row) {
              const Json* at = &row;
              for (const auto& part : parts) {
                const bool index = at->is_array() && !part.empty() && part.size() < 6 &&
                                   std::all_of(part.begin(), part.end(),
                                               [](unsigned char c) { return std::isdigit(c) != 0; });
                if (index && std::stoul(part) < at->size()) {
                  at = &(*at)[std::stoul(part)];
                } else if (at->is_object() && at->contains(part)) {
                  at = &(*at)[part];
                } else {
                  return Json();
                }
              }
              return *at;
            },
            joined,
            {}};
  }

  std::vector<KqlToken> tokens_;
  std::size_t at_ = 0;
  bool shaped_ = false;  // a step before changed the columns or the number of rows
  KqlQuery query_;
};

}  // namespace

KqlQuery parse_kql(const std::string& text) {
  return Parser(text).parse();
}

Rows run_kql(const KqlQuery& query, Rows rows) {
  for (const auto& step : query.steps) rows = step(std::move(rows));
  return rows;
}

}  // namespace azlin::simulator
