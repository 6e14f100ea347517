#include "azlin/mcp/tool.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "azlin/core/error.hpp"

namespace azlin::mcp {

using core::Error;
using core::ErrorKind;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr const char* kConfirm = "confirm";

std::string property_of(const std::string& argument) {
  std::string name = argument;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

ordered_json schema_of(const Argument& argument) {
  ordered_json value = {{"type", argument.flag ? "boolean" : argument.integer ? "integer" : "string"}};
  if (!argument.choices.empty()) value["enum"] = argument.choices;
  ordered_json schema = argument.repeatable ? ordered_json{{"type", "array"}, {"items", value}} : value;
  schema["description"] = argument.help;
  return schema;
}

// "backup", "item or server"
std::string any_of(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : " or ") + property_of(name);
  return text;
}

std::string text_of(const Argument& argument, const json& value) {
  const std::string property = property_of(argument.name);
  if (argument.integer) {
    if (!value.is_number_integer())
      throw Error(ErrorKind::usage, fmt::format("'{}' must be an integer", property));
    return std::to_string(value.get<std::int64_t>());
  }
  if (!value.is_string()) throw Error(ErrorKind::usage, fmt::format("'{}' must be a string", property));
  const auto& text = value.get_ref<const std::string&>();
  if (!argument.choices.empty() &&
      std::find(argument.choices.begin(), argument.choices.end(), text) == argument.choices.end())
    throw Error(ErrorKind::usage,
                fmt::format("'{}' must be one of {}", property, fmt::join(argument.choices, ", ")));
  return text;
}

std::vector<std::string> texts_of(const Argument& argument, const json& value) {
  if (!argument.repeatable) return {text_of(argument, value)};
  if (!value.is_array())
    throw Error(ErrorKind::usage, fmt::format("'{}' must be an array", property_of(argument.name)));
  std::vector<std::string> texts;
  for (const auto& item : value) texts.push_back(text_of(argument, item));
  return texts;
}

bool is_set(const Argument& argument, const json& value) {
  if (!value.is_boolean())
    throw Error(ErrorKind::usage, fmt::format("'{}' must be true or false", property_of(argument.name)));
  return value.get<bool>();
}

}  // namespace

ordered_json Tool::describe() const {
  ordered_json properties = ordered_json::object();
  ordered_json required = ordered_json::array();
  for (const auto& argument : command_.arguments) {
    properties[property_of(argument.name)] = schema_of(argument);
    if (argument.required) required.push_back(property_of(argument.name));
  }
  if (effect() == Effect::destroys) {
    properties[kConfirm] = {
        {"type", "string"},
        {"description",
         fmt::format("Must repeat the value of {}: what may be overwritten or deleted. Ask the person first.",
                     any_of(entry_.confirm))}};
    required.push_back(kConfirm);
  }
  return {{"name", entry_.tool},
          {"description", fmt::format("{}. Runs `azlin {}`.", command_.help, entry_.command)},
          {"inputSchema",
           {{"type", "object"},
            {"properties", properties},
            {"required", required},
            {"additionalProperties", false}}},
          {"outputSchema",
           {{"type", "object"},
            {"properties",
             {{"exitCode",
               {{"type", "integer"}, {"description", "0 done, 6 done but with findings, else an error"}}},
              {"result", {{"description", "What the command prints with -o json"}}},
              {"error", {{"type", "object"}}},
              {"notes", {{"type", "array"}, {"items", {{"type", "string"}}}}}}},
            {"required", {"exitCode"}}}},
          {"annotations",
           {{"title", "azlin " + entry_.command},
            {"readOnlyHint", effect() == Effect::reads},
            {"destructiveHint", effect() == Effect::destroys},
            {"idempotentHint", effect() == Effect::reads},
            {"openWorldHint", true}}}};
}

void Tool::check_confirmation(const json& arguments) const {
  if (effect() != Effect::destroys) return;
  for (const auto& name : entry_.confirm) {
    const auto wanted = arguments.find(property_of(name));
    if (wanted == arguments.end()) continue;
    const auto given = arguments.find(kConfirm);
    if (given != arguments.end() && *given == *wanted) return;
    throw Error(ErrorKind::usage,
                fmt::format("not confirmed: {} may overwrite or delete; nothing was changed", entry_.tool),
                fmt::format("ask the person, then call again with confirm = {}", wanted->dump()));
  }
  throw Error(ErrorKind::usage, fmt::format("{} needs {}", entry_.tool, any_of(entry_.confirm)));
}

std::vector<std::string> Tool::command_line(const json& arguments) const {
  if (!arguments.is_object()) throw Error(ErrorKind::usage, "the arguments must be an object");
  json left = arguments;
  left.erase(kConfirm);
  std::vector<std::string> line = command_.path, positionals;
  for (const auto& argument : command_.arguments) {
    const std::string property = property_of(argument.name);
    const auto value = left.find(property);
    if (value == left.end() || value->is_null()) {
      if (argument.required) throw Error(ErrorKind::usage, fmt::format("'{}' is missing", property));
      left.erase(property);
      continue;
    }
    if (argument.flag) {
      if (is_set(argument, *value)) line.push_back("--" + argument.name);
    } else if (argument.positional) {
      for (auto& text : texts_of(argument, *value)) positionals.push_back(std::move(text));
    } else {
      for (const auto& text : texts_of(argument, *value))
        line.push_back(fmt::format("--{}={}", argument.name, text));
    }
    left.erase(property);
  }
  if (!left.empty())
    throw Error(ErrorKind::usage, fmt::format("{} has no argument '{}'", entry_.tool, left.begin().key()));
  check_confirmation(arguments);
  if (!positionals.empty()) line.emplace_back("--");  // a value that begins with '-' is no flag
  line.insert(line.end(), positionals.begin(), positionals.end());
  return line;
}

std::vector<Tool> make_tools(const std::vector<Command>& commands) {
  std::vector<Tool> tools;
  for (const auto& entry : catalog()) {
    for (const auto& command : commands) {
      if (fmt::format("{}", fmt::join(command.path, " ")) == entry.command)
        tools.emplace_back(entry, command);
    }
  }
  return tools;
}

}  // namespace azlin::mcp
