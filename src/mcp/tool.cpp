#include "azlin/mcp/tool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "azlin/core/error.hpp"
#include "azlin/core/log.hpp"

namespace azlin::mcp {

using core::Error;
using core::ErrorKind;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

constexpr const char* kConfirm = "confirm";
constexpr const char* kDryRun = "dry_run";
// Linux takes no word of a command line that is longer than 128 KiB.
constexpr std::size_t kLongestText = 100'000;

std::string snake_case(const std::string& argument) {
  std::string name = argument;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string property_name(const CatalogEntry& entry, const std::string& argument) {
  const auto named = entry.names.find(argument);
  return named == entry.names.end() ? snake_case(argument) : named->second;
}

// An argument that is null is not given.
const json* given(const json& arguments, const std::string& property) {
  const auto found = arguments.find(property);
  return found == arguments.end() || found->is_null() ? nullptr : &*found;
}

bool is_true(const json* value) {
  return value != nullptr && *value != json(false);
}

const char* type_of(const Argument& argument) {
  if (argument.flag) return "boolean";
  if (argument.integer) return "integer";
  return argument.number ? "number" : "string";
}

ordered_json schema_of(const Argument& argument) {
  ordered_json value = {{"type", type_of(argument)}};
  if (!argument.choices.empty()) value["enum"] = argument.choices;
  ordered_json schema = argument.repeatable ? ordered_json{{"type", "array"}, {"items", value}} : value;
  schema["description"] = argument.help;
  if (argument.flag) schema["default"] = argument.on;
  return schema;
}

std::string text_of(const Argument& argument, const std::string& property, const json& value) {
  if (argument.integer) {
    if (!value.is_number_integer())
      throw Error(ErrorKind::usage, fmt::format("'{}' must be an integer", property));
    return value.dump();
  }
  if (argument.number) {
    if (!value.is_number()) throw Error(ErrorKind::usage, fmt::format("'{}' must be a number", property));
    return value.dump();
  }
  if (!value.is_string()) throw Error(ErrorKind::usage, fmt::format("'{}' must be a string", property));
  const auto& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos)
    throw Error(ErrorKind::usage, fmt::format("'{}' holds a zero character", property));
  if (text.size() > kLongestText)
    throw Error(ErrorKind::usage, fmt::format("'{}' is longer than {} bytes", property, kLongestText));
  if (!argument.choices.empty() &&
      std::find(argument.choices.begin(), argument.choices.end(), text) == argument.choices.end())
    throw Error(ErrorKind::usage,
                fmt::format("'{}' must be one of {}", property, fmt::join(argument.choices, ", ")));
  return text;
}

std::vector<std::string> texts_of(const Argument& argument, const std::string& property, const json& value) {
  if (!argument.repeatable) return {text_of(argument, property, value)};
  if (!value.is_array()) throw Error(ErrorKind::usage, fmt::format("'{}' must be an array", property));
  std::vector<std::string> texts;
  for (const auto& item : value) texts.push_back(text_of(argument, property, item));
  return texts;
}

bool is_set(const std::string& property, const json& value) {
  if (!value.is_boolean()) throw Error(ErrorKind::usage, fmt::format("'{}' must be true or false", property));
  return value.get<bool>();
}

// The words by which a command is told `value`.
std::vector<std::string> words_of(const Argument& argument, const std::string& property, const json& value) {
  if (argument.flag) {
    const bool set = is_set(property, value);
    if (set == argument.on) return {};
    return {"--" + argument.name + (set ? "" : "=false")};
  }
  auto words = texts_of(argument, property, value);
  if (argument.positional) return words;
  for (auto& word : words) word = fmt::format("--{}={}", argument.name, word);
  return words;
}

ordered_json output_schema() {
  return {{"type", "object"},
          {"properties",
           {{"exitCode",
             {{"type", "integer"}, {"description", "0 done, 6 done but with findings, else an error"}}},
            {"result", {{"description", "What the command prints with -o json"}}},
            {"error",
             {{"type", "object"},
              {"properties",
               {{"message", {{"type", "string"}}},
                {"hint", {{"type", "string"}, {"description", "What to do next"}}}}},
              {"required", {"message"}}}},
            {"notes", {{"type", "array"}, {"items", {{"type", "string"}}}}}}},
          {"required", {"exitCode"}}};
}

constexpr const char* kNotKept = "not kept";

// A value of another type than the schema's may be anything.
ordered_json kept(const ordered_json& schema, const json& value) {
  const auto& type = schema["type"];
  if (type == "array" && value.is_array()) {
    ordered_json items = ordered_json::array();
    for (const auto& item : value) items.push_back(kept(schema["items"], item));
    return items;
  }
  if (type == "boolean" && value.is_boolean()) return value;
  if ((type == "integer" || type == "number") && value.is_number()) return value;
  if (type != "string" || !value.is_string()) return kNotKept;
  const auto& text = value.get_ref<const std::string&>();
  if (const auto scheme = text.find("https://"); scheme != std::string::npos)  // s3:https://…, too
    return text.substr(0, scheme) + core::redact_url(text.substr(scheme));
  return text.find("://") == std::string::npos ? text : core::redact_url(text);
}

}  // namespace

std::string Tool::property_of(const std::string& argument) const {
  return property_name(entry_, argument);
}

// "backup", "item or server"
std::string Tool::any_of(const std::vector<std::string>& arguments) const {
  std::string text;
  for (const auto& name : arguments) text += (text.empty() ? "" : " or ") + property_of(name);
  return text;
}

ordered_json Tool::input_schema() const {
  ordered_json properties = ordered_json::object();
  ordered_json required = ordered_json::array();
  for (const auto& argument : command_.arguments) {
    const auto property = property_of(argument.name);
    properties[property] = schema_of(argument);
    if (argument.required) required.push_back(property);
  }
  if (effect() != Effect::reads) {
    properties[kDryRun] = {
        {"type", "boolean"}, {"description", "Change nothing; tell what would be done"}, {"default", false}};
  }
  if (effect() == Effect::destroys) {
    const auto must =
        entry_.only_with.empty() ? "Must" : fmt::format("With {}: must", any_of(entry_.only_with));
    properties[kConfirm] = {
        {"type", "string"},
        {"description",
         fmt::format("{} repeat the value of {}: what may be overwritten or deleted. Ask the person first. "
                     "Not needed with dry_run.",
                     must, any_of(entry_.confirm))}};
  }
  return {{"type", "object"},
          {"properties", properties},
          {"required", required},
          {"additionalProperties", false}};
}

ordered_json Tool::describe() const {
  return {{"name", entry_.tool},
          {"description", fmt::format("{}. Runs `azlin {}`.", command_.help, entry_.command)},
          {"inputSchema", input_schema()},
          {"outputSchema", output_schema()},
          {"annotations",
           {{"title", "azlin " + entry_.command},
            {"readOnlyHint", effect() == Effect::reads},
            {"destructiveHint", effect() == Effect::destroys},
            {"idempotentHint", effect() == Effect::reads},
            {"openWorldHint", true}}}};
}

bool Tool::destroys(const json& arguments) const {
  if (effect() != Effect::destroys || is_true(given(arguments, kDryRun))) return false;
  return entry_.only_with.empty() ||
         std::any_of(entry_.only_with.begin(), entry_.only_with.end(), [&](const std::string& argument) {
           return is_true(given(arguments, property_of(argument)));
         });
}

void Tool::check_confirmation(const json& arguments) const {
  if (!destroys(arguments)) return;
  for (const auto& name : entry_.confirm) {
    const json* wanted = given(arguments, property_of(name));
    if (wanted == nullptr) continue;
    const json* confirm = given(arguments, kConfirm);
    if (confirm != nullptr && *confirm == *wanted) return;
    throw Error(ErrorKind::usage,
                fmt::format("not confirmed: {} may overwrite or delete; nothing was changed", entry_.tool),
                fmt::format("ask the person, then call again with confirm = {}", wanted->dump()));
  }
  throw Error(ErrorKind::usage, fmt::format("{} needs {}", entry_.tool, any_of(entry_.confirm)));
}

void Tool::check_known(const json& arguments) const {
  if (!arguments.is_object()) throw Error(ErrorKind::usage, "the arguments must be an object");
  const auto known = input_schema()["properties"];
  for (const auto& [property, value] : arguments.items()) {
    if (known.contains(property)) continue;
    const auto refused = entry_.refused.find(property);
    std::string names;
    for (const auto& [name, schema] : known.items()) names += (names.empty() ? "" : ", ") + name;
    throw Error(ErrorKind::usage, fmt::format("{} has no argument '{}'", entry_.tool, property),
                refused != entry_.refused.end() ? refused->second
                : names.empty()                 ? "it takes none"
                                                : "it has: " + names);
  }
}

std::vector<std::string> Tool::command_line(const json& arguments) const {
  check_known(arguments);
  std::vector<std::string> line = command_.path, positionals;
  for (const auto& argument : command_.arguments) {
    const std::string property = property_of(argument.name);
    const json* value = given(arguments, property);
    if (value == nullptr) {
      if (argument.required) throw Error(ErrorKind::usage, fmt::format("'{}' is missing", property));
      continue;
    }
    auto& into = argument.positional ? positionals : line;
    for (auto& word : words_of(argument, property, *value)) into.push_back(std::move(word));
  }
  const json* dry = given(arguments, kDryRun);
  if (entry_.reads_when_dry || (dry != nullptr && is_set(kDryRun, *dry))) line.emplace_back("--dry-run");
  check_confirmation(arguments);
  if (!positionals.empty()) line.emplace_back("--");  // a value that begins with '-' is no flag
  line.insert(line.end(), positionals.begin(), positionals.end());
  return line;
}

ordered_json Tool::audited(const json& arguments) const {
  ordered_json all = ordered_json::object();
  if (!arguments.is_object()) return all;
  const auto known = input_schema()["properties"];
  for (const auto& [property, value] : arguments.items())
    all[property] = known.contains(property) ? kept(known[property], value) : ordered_json(kNotKept);
  return all;
}

namespace {

// What a read-only server offers of the tool; nullopt: nothing.
std::optional<CatalogEntry> only_reading(CatalogEntry entry) {
  if (entry.effect == Effect::reads) return entry;
  const bool can_read =
      entry.reads_when_dry || (!entry.only_with.empty() && entry.otherwise == Effect::reads);
  if (!can_read) return std::nullopt;
  entry.effect = Effect::reads;
  for (const auto& argument : entry.only_with)
    entry.refused[property_name(entry, argument)] = "this server only reads";
  return entry;
}

std::optional<CatalogEntry> offered(const CatalogEntry& entry, bool read_only) {
  if (read_only) return only_reading(entry);
  auto offer = entry;
  offer.reads_when_dry = false;
  return offer;
}

}  // namespace

std::vector<Tool> make_tools(const std::vector<Command>& commands, bool read_only) {
  std::vector<Tool> tools;
  for (const auto& each : catalog()) {
    const auto entry = offered(each, read_only);
    if (!entry) continue;
    const auto command = std::find_if(commands.begin(), commands.end(), [&](const Command& candidate) {
      return fmt::format("{}", fmt::join(candidate.path, " ")) == entry->command;
    });
    if (command == commands.end()) continue;
    auto taken = *command;
    std::erase_if(taken.arguments, [&](const Argument& argument) {
      return entry->refused.contains(property_name(*entry, argument.name));
    });
    tools.emplace_back(*entry, std::move(taken));
  }
  return tools;
}

}  // namespace azlin::mcp
