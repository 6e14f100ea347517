#include "platform/xml.hpp"

#include <charconv>

#include "azlin/core/error.hpp"

namespace azlin::platform {

namespace {

constexpr int kDeepest = 32;

[[noreturn]] void throw_malformed() {
  throw core::Error(core::ErrorKind::failed, "the service's XML is cut off or malformed");
}

void append_code_point(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | code >> 6U);
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | code >> 12U);
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  } else {
    out += static_cast<char>(0xF0U | code >> 18U);
    out += static_cast<char>(0x80U | (code >> 12U & 0x3FU));
    out += static_cast<char>(0x80U | (code >> 6U & 0x3FU));
    out += static_cast<char>(0x80U | (code & 0x3FU));
  }
}

std::string resolved(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto end = text[i] == '&' ? text.find(';', i) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += text[i];
      continue;
    }
    const auto name = text.substr(i + 1, end - i - 1);
    if (name == "amp")
      out += '&';
    else if (name == "lt")
      out += '<';
    else if (name == "gt")
      out += '>';
    else if (name == "quot")
      out += '"';
    else if (name == "apos")
      out += '\'';
    else if (name.starts_with('#')) {
      unsigned code = 0;
      const bool hexadecimal = name.starts_with("#x");
      const auto digits = name.substr(hexadecimal ? 2 : 1);
      std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
      append_code_point(out, code);
    } else {
      throw_malformed();
    }
    i = end;
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view xml) : xml_(xml) {}

  // Elements and text up to the closing tag of `node`, or to the end.
  void fill(XmlNode& node, int depth) {
    if (depth > kDeepest) throw_malformed();
    std::string_view text;
    while (true) {
      const auto open = xml_.find('<', at_);
      if (open == std::string_view::npos) {
        if (!node.name.empty()) throw_malformed();
        return;
      }
      if (node.children.empty()) text = xml_.substr(at_, open - at_);
      const auto close = xml_.find('>', open);
      if (close == std::string_view::npos) throw_malformed();
      auto tag = xml_.substr(open + 1, close - open - 1);
      at_ = close + 1;
      if (tag.starts_with('?') || tag.starts_with('!')) continue;
      if (tag.starts_with('/')) {
        if (tag.substr(1) != node.name) throw_malformed();
        if (node.children.empty()) node.content = resolved(text);
        return;
      }
      add_child(node, tag, depth);
    }
  }

 private:
  void add_child(XmlNode& node, std::string_view tag, int depth) {
    const bool empty = tag.ends_with('/');
    if (empty) tag.remove_suffix(1);
    XmlNode child;
    const auto space = tag.find_first_of(" \t\r\n");
    child.name = tag.substr(0, space);
    const auto quote = tag.find('"');
    if (quote != std::string_view::npos)
      child.attribute = resolved(tag.substr(quote + 1, tag.find('"', quote + 1) - quote - 1));
    if (child.name.empty()) throw_malformed();
    if (!empty) fill(child, depth + 1);
    node.children.push_back(std::move(child));
  }

  std::string_view xml_;
  std::size_t at_ = 0;
};

}  // namespace

const XmlNode* XmlNode::child(std::string_view wanted) const {
  for (const auto& each : children)
    if (each.name == wanted) return &each;
  return nullptr;
}

std::string XmlNode::text(std::string_view wanted) const {
  const auto* found = child(wanted);
  return found == nullptr ? "" : found->content;
}

XmlNode parse_xml(std::string_view xml) {
  XmlNode root;
  Reader(xml).fill(root, 0);
  if (root.children.empty()) throw_malformed();
  return root;
}

}  // namespace azlin::platform
