#pragma once
// The little XML that Storage speaks: elements, text, one attribute; no namespaces, no mixed content.
#include <string>
#include <string_view>
#include <vector>

namespace azlin::platform {

struct XmlNode {
  std::string name;
  std::string attribute;  // value of the first one
  std::string content;    // text, entities resolved; empty for an element that has children
  std::vector<XmlNode> children;

  const XmlNode* child(std::string_view wanted) const;
  // Content of that child; "" when it is missing.
  std::string text(std::string_view wanted) const;
};

// A nameless node whose child is the root element. Throws core::Error (failed) for text that is not well
// formed or nested deeper than 32 levels.
XmlNode parse_xml(std::string_view xml);

}  // namespace azlin::platform
