#pragma once
// Words of a Kusto query.
#include <string>
#include <vector>

namespace azlin::simulator {

struct KqlToken {
  enum Kind { word, text, number, sign, end } kind = end;
  std::string value;  // a text without its quotes; a sign such as "==", "|", "!~"
};

// Throws std::invalid_argument for an unfinished text or a character that has no meaning.
std::vector<KqlToken> tokenize_kql(const std::string& text);

}  // namespace azlin::simulator
