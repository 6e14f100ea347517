#pragma once
// The part of the Kusto query language that the simulated Resource Graph understands.
//
//   resources | resourcecontainers
//   | where <condition>                        and, or, not(), parentheses; == != =~ !~ < <= > >=, in in~ !in
//   !in~ (…),
//                                              contains startswith endswith has and their ! forms (all ignore
//                                              case)
//   | extend n = <value>, …                    a path (name, tags['x'], properties.a.b), a literal,
//   tostring() tolower() | project [n =] <value>, …                 toupper() toint() isempty() isnotempty()
//   isnull() isnotnull() | project-away n, … | distinct n, … | order|sort by <value> [asc|desc], …      desc
//   where nothing is said, as in Kusto | take|limit N | top N by … | count | summarize [n =] count() [by
//   <value>, …]
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace azlin::simulator {

using Row = nlohmann::json;  // an object: one record
using Rows = std::vector<Row>;

struct KqlQuery {
  std::string table;                             // lower case
  std::vector<std::function<Rows(Rows)>> steps;  // applied in order
  bool projects_id = true;                       // the result has a column named id: it can be paged
  // Hints taken from the conditions that every result meets, for an index. Empty: none.
  std::string type;  // lower case
  std::optional<std::pair<std::string, std::string>>
      tag;  // name and value, both to be compared ignoring case
};

// Throws std::invalid_argument with a message for the user.
KqlQuery parse_kql(const std::string& text);
Rows run_kql(const KqlQuery& query, Rows rows);

}  // namespace azlin::simulator
