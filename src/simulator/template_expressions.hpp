#pragma once
// The expressions of ARM templates: "[concat('a', parameters('b'))]".
#include <functional>
#include <map>
#include <string>

#include "simulator/message.hpp"

namespace azlin::simulator {

// What an expression may refer to.
struct TemplateScope {
  Json parameters = Json::object(), variables = Json::object();
  Json group = nullptr;           // the resource group's body; null in a deployment of a subscription
  Json subscription, deployment;  // what subscription() and deployment() give
  std::map<std::string, std::int64_t> copies;  // copyIndex('name'); "" is the innermost
  std::function<Json(const std::string& id, bool full)>
      reference;  // reference(): of a resource that is there
};

// `value` with every "[…]" in it replaced by what it means, at any depth. Throws ApiError 400 InvalidTemplate
// for what cannot be read and for functions that are not known here. Of an "if" only the branch that it takes
// is evaluated.
Json resolve_template(const Json& value, const TemplateScope& scope);

ApiError invalid_template(const std::string& message);

}  // namespace azlin::simulator
