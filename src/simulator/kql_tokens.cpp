#include "simulator/kql_tokens.hpp"

#include <array>
#include <stdexcept>

namespace azlin::simulator {
namespace {

bool is_word_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

KqlToken read_text(const std::string& text, std::size_t& i) {
  const char quote = text[i++];
  KqlToken token{KqlToken::text, {}};
  for (; i < text.size() && text[i] != quote; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    token.value += text[i];
  }
  if (i >= text.size()) throw std::invalid_argument("a text is not finished");
  ++i;
  return token;
}

KqlToken read_sign(const std::string& text, std::size_t& i) {
  static constexpr std::array<const char*, 6> kDouble = {"==", "!=", "=~", "!~", "<=", ">="};
  for (const char* sign : kDouble) {
    if (text.compare(i, 2, sign) == 0) {
      i += 2;
      return {KqlToken::sign, sign};
    }
  }
  if (std::string("|(),.[]=<>!-").find(text[i]) == std::string::npos)
    throw std::invalid_argument(std::string("unexpected '") + text[i] + "'");
  return {KqlToken::sign, std::string(1, text[i++])};
}

// "in~", "!in~" and "project-away" are one word each.
KqlToken read_word(const std::string& text, std::size_t& i) {
  const std::size_t begin = i;
  while (i < text.size() && (is_word_start(text[i]) || is_digit(text[i]))) ++i;
  std::string word = text.substr(begin, i - begin);
  if (word == "in" && i < text.size() && text[i] == '~') {
    ++i;
    word += '~';
  }
  if (word == "project" && text.compare(i, 5, "-away") == 0) {
    i += 5;
    word += "-away";
  }
  return {KqlToken::word, word};
}

}  // namespace

std::vector<KqlToken> tokenize_kql(const std::string& text) {
  std::vector<KqlToken> tokens;
  for (std::size_t i = 0; i < text.size();) {
    if (std::isspace(static_cast<unsigned char>(text[i])) != 0) {
      ++i;
    } else if (text.compare(i, 2, "//") == 0) {
      while (i < text.size() && text[i] != '\n') ++i;
    } else if (text[i] == '\'' || text[i] == '"') {
      tokens.push_back(read_text(text, i));
    } else if (is_digit(text[i])) {
      const std::size_t begin = i;
      while (i < text.size() && (is_digit(text[i]) || text[i] == '.')) ++i;
      tokens.push_back({KqlToken::number, text.substr(begin, i - begin)});
    } else if (is_word_start(text[i])) {
      tokens.push_back(read_word(text, i));
    } else {
      tokens.push_back(read_sign(text, i));
    }
  }
  tokens.push_back({});
  return tokens;
}

}  // namespace azlin::simulator
