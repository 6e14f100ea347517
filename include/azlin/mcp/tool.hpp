#pragma once
// The tools that an agent sees. A tool is one azlin command: its arguments and their help come from the
// command tree, so that tool and command cannot drift apart; the catalogue adds what a command line does not
// say.
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace azlin::mcp {

struct Argument {
  std::string name;  // "target-region"; the tool's property is "target_region"
  std::string help;
  bool positional = false;
  bool flag = false;  // takes no value
  bool on = false;    // a flag that is set unless `--name=false` says otherwise
  bool integer = false;
  bool number = false;  // also a fraction
  bool required = false;
  bool repeatable = false;
  std::vector<std::string> choices;  // empty: any text
};

struct Command {
  std::vector<std::string> path;  // {"backup", "trigger"}
  std::string help;
  std::vector<Argument> arguments;
};

enum class Effect {
  reads,    // changes nothing
  changes,  // adds or alters; nothing that exists is lost
  destroys  // can delete or overwrite: needs `confirm`
};

struct CatalogEntry {
  std::string tool;     // "recovery_services_enable_protection"
  std::string command;  // "vault protect"
  Effect effect = Effect::reads;
  // Arguments of which the first that is given names what is destroyed; `confirm` must repeat its value. For
  // `destroys` alone.
  std::vector<std::string> confirm;
  // Without any of these arguments ("overwrite", "delete-plain") the effect is `otherwise`. Empty: it always
  // is `effect`.
  std::vector<std::string> only_with;
  Effect otherwise = Effect::reads;
  bool reads_when_dry = false;  // with --dry-run it only looks: so a read-only server offers it
  // Properties that bear another name than the argument: {"include-data", "includeData"}.
  std::map<std::string, std::string> names;
  // Properties that are not offered, and what to do instead.
  std::map<std::string, std::string> refused;
};

// "recovery_services_…" and "create-backup" … as agents know them, and azlin's own names for the rest.
const std::vector<CatalogEntry>& catalog();

class Tool {
 public:
  Tool(CatalogEntry entry, Command command) : entry_(std::move(entry)), command_(std::move(command)) {}

  const std::string& name() const { return entry_.tool; }
  // The most that it can do, whatever its arguments.
  Effect effect() const { return entry_.effect; }
  // As an element of tools/list. Source: Model Context Protocol 2025-06-18, server/tools.
  nlohmann::ordered_json describe() const;
  // The command line, without the program. Throws core::Error (usage): an argument is unknown, missing or of
  // the wrong type, or `confirm` does not name what would be destroyed.
  std::vector<std::string> command_line(const nlohmann::json& arguments) const;
  // What the audit trail keeps of a call: the arguments that the tool has, without credentials in addresses.
  nlohmann::ordered_json audited(const nlohmann::json& arguments) const;

 private:
  std::string property_of(const std::string& argument) const;
  std::string any_of(const std::vector<std::string>& arguments) const;
  nlohmann::ordered_json input_schema() const;
  void check_known(const nlohmann::json& arguments) const;
  bool destroys(const nlohmann::json& arguments) const;
  void check_confirmation(const nlohmann::json& arguments) const;
  CatalogEntry entry_;
  Command command_;
};

// The catalogue's tools for those commands, in its order. An entry whose command is not among them is left
// out. With `read_only` only what changes nothing: other tools, and the arguments that make a tool change
// something, are left out.
std::vector<Tool> make_tools(const std::vector<Command>& commands, bool read_only = false);

}  // namespace azlin::mcp
