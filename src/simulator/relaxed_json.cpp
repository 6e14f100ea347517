#include "simulator/relaxed_json.hpp"

#include <cctype>

namespace azlin::simulator {
namespace {

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
}

class Rewriter {
 public:
  explicit Rewriter(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        copy_string(c);
      } else if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_, 2) == "/*") {
        const auto end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else if (is_name(c)) {
        copy_word();
      } else {
        if (c == '}' || c == ']') drop_comma();
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  void copy_string(char quote) {
    out_ += '"';
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        // \' is no escape in strict JSON.
        if (text_[at_ + 1] != '\'') out_ += '\\';
        ++at_;
      } else if (text_[at_] == '"') {
        out_ += '\\';
      }
      out_ += text_[at_];
    }
    out_ += '"';
    ++at_;
  }

  // A name before a colon gets its quotes; numbers, true, false and null stay.
  void copy_word() {
    const auto begin = at_;
    while (at_ < text_.size() &&
           (is_name(text_[at_]) || text_[at_] == '.' || text_[at_] == '+' || text_[at_] == '-'))
      ++at_;
    const std::string word(text_.substr(begin, at_ - begin));
    const auto next = text_.find_first_not_of(" \t\r\n", at_);
    const bool name = next != std::string_view::npos && text_[next] == ':';
    out_ += name ? "\"" + word + "\"" : word;
  }

  void drop_comma() {
    const auto last = out_.find_last_not_of(" \t\r\n");
    if (last != std::string::npos && out_[last] == ',') out_.erase(last, 1);
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0;
};

}  // namespace

std::string strict_json(std::string_view relaxed) {
  return Rewriter(relaxed).run();
}

}  // namespace azlin::simulator
