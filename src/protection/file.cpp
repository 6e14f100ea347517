#include "azlin/protection/file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <sstream>

#include "azlin/alert/config_node.hpp"
#include "azlin/backup/group.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/input_file.hpp"
#include "azlin/core/names.hpp"
#include "azlin/core/read_stream.hpp"
#include "azlin/core/suggest.hpp"
#include "azlin/core/yaml_reader.hpp"
#include "azlin/platform/expectations_node.hpp"
#include "protection/yaml_tree.hpp"

namespace azlin::protection {

using core::Error;
using core::ErrorKind;
using core::YamlReader;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr int kMostKept = 499;

Place place_of(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

bool is_off(const YAML::Node& node) {
  return node.IsScalar() && (node.Scalar() == "off" || node.Scalar() == "false");
}

class Parser {
 public:
  Parser(YamlReader& reader, ProtectionFile& file) : reader_(reader), file_(file) {}

  void read(const YAML::Node& root) {
    if (root.IsNull()) return reader_.mistake(YAML::Mark(), "the file is empty");
    if (root.IsMap() && root["templates"]) read_templates(root["templates"]);
    reader_.mapping(
        root, "the file",
        {{"version", [&](const YAML::Node& v) { read_version(v); }},
         {"templates", [](const YAML::Node&) {}},
         {"rules", [&](const YAML::Node& v) { read_rules(v); }},
         {"groups", [&](const YAML::Node& v) { read_groups(v); }},
         {"alerts", [&](const YAML::Node& v) { read_alerts(v); }},
         {"expectations", [&](const YAML::Node& v) { platform::read_expectations(v, reader_); }}});
    if (root.IsMap() && !root["version"]) reader_.mistake(root.Mark(), "the file needs `version: 1`");
  }

 private:
  void read_version(const YAML::Node& node) {
    if (!node.IsScalar() || node.Scalar() != "1")
      reader_.mistake(node.Mark(), "this azlin knows version 1 only");
  }

  void read_templates(const YAML::Node& node) {
    reader_.entries(
        node, "templates", [&](const std::string& name, const YAML::Node&, const YAML::Node& value) {
          reader_.mapping(value, fmt::format("template '{}'", name), handlers_of(templates_[name]));
        });
  }

  YamlReader::Handlers handlers_of(Settings& into) {
    return {{"schedule", [&](const YAML::Node& v) { read_schedule(v, into); }},
            {"retention", [&](const YAML::Node& v) { read_retention(v, into); }},
            {"region",
             [&](const YAML::Node& v) {
               into.region = read_region(v, "region", true);
               into.region_place = place_of(v.Mark());
             }},
            {"verification", [&](const YAML::Node& v) { read_verification(v, into); }},
            {"drill", [&](const YAML::Node& v) { read_drill(v, into); }}};
  }

  void read_schedule(const YAML::Node& node, Settings& into) {
    auto& schedule = into.schedule.emplace();
    schedule.off = is_off(node);
    if (schedule.off) return;
    if (!node.IsSequence())
      return reader_.mistake(node.Mark(), "schedule must be off, or a list such as [daily, weekly, monthly]");
    bool daily = false;
    for (const auto& item : node) {
      const auto tier = reader_.text(item, "schedule");
      if (!tier) continue;
      if (*tier == "daily")
        daily = true;
      else if (*tier == "weekly" || *tier == "monthly")
        (*tier == "weekly" ? schedule.weekly : schedule.monthly) = true;
      else
        reader_.mistake(item.Mark(), fmt::format("unknown tier '{}'{}", *tier,
                                                 core::suggestion(*tier, {"daily", "weekly", "monthly"})));
    }
    if (!daily)
      reader_.mistake(node.Mark(), "schedule needs daily: a week's and a month's backup is the day's");
  }

  void read_retention(const YAML::Node& node, Settings& into) {
    into.retention_place = place_of(node.Mark());
    const auto number = [&](const char* key, std::optional<int>& value) {
      return std::pair<std::string, YamlReader::Handler>(key, [this, key, &value](const YAML::Node& v) {
        value = reader_.whole(v, std::string("retention ") + key, 1, kMostKept);
      });
    };
    reader_.mapping(
        node, "retention",
        {number("daily", into.daily), number("weekly", into.weekly), number("monthly", into.monthly)});
  }

  std::optional<std::string> read_region(const YAML::Node& node, const std::string& what, bool or_none) {
    const auto word = reader_.text(node, what);
    if (!word) return std::nullopt;
    if (or_none && *word == "none") return "";
    try {
      return core::normalize_region(*word);
    } catch (const Error& error) {
      reader_.mistake(node.Mark(), error.what());
    }
    return std::nullopt;
  }

  std::optional<core::Millis> read_time(const YAML::Node& node, const std::string& what, core::Millis least,
                                        core::Millis most, core::Millis unit) {
    const auto word = reader_.text(node, what);
    if (!word) return std::nullopt;
    const auto time = core::parse_duration(*word);
    if (time && *time >= least && *time <= most && *time % unit == core::Millis{0}) return time;
    reader_.mistake(node.Mark(), fmt::format("{} must be a time from {} to {} in whole {}, such as {}", what,
                                             to_short_text(least), to_short_text(most),
                                             unit == core::Millis{hours{1}} ? "hours" : "seconds",
                                             unit == core::Millis{hours{1}} ? "7d or 12h" : "15m or 90s"));
    return std::nullopt;
  }

  void read_verification(const YAML::Node& node, Settings& into) {
    auto& setting = into.verification.emplace();
    setting.off = is_off(node);
    if (setting.off) return;
    if (!node.IsMap()) return reader_.mistake(node.Mark(), "verification must be off, or a mapping of keys");
    reader_.mapping(node, "verification",
                    {{"level", [&](const YAML::Node& v) { setting.level = read_level(v); }},
                     {"every", [&](const YAML::Node& v) {
                        setting.every = read_time(v, "every", verification::kShortestEvery,
                                                  verification::kLongestEvery, hours{1});
                      }}});
  }

  std::optional<verification::Level> read_level(const YAML::Node& node) {
    const auto word = reader_.text(node, "level");
    const auto level = word ? verification::parse_level(*word) : std::nullopt;
    if (word && !level)
      reader_.mistake(node.Mark(), fmt::format("unknown level '{}'{}", *word,
                                               core::suggestion(*word, {"disk", "content", "full"})));
    return level;
  }

  void read_drill(const YAML::Node& node, Settings& into) {
    auto& setting = into.drill.emplace();
    into.drill_place = place_of(node.Mark());
    setting.off = is_off(node);
    if (setting.off) return;
    if (!node.IsMap()) return reader_.mistake(node.Mark(), "drill must be off, or a mapping of keys");
    reader_.mapping(
        node, "drill",
        {{"every",
          [&](const YAML::Node& v) {
            setting.every = read_time(v, "every", hours{1}, hours{24 * 366}, hours{1});
          }},
         {"target_rto",
          [&](const YAML::Node& v) {
            setting.target_rto = read_time(v, "target_rto", seconds{1}, hours{24 * 7}, seconds{1});
          }},
         {"region", [&](const YAML::Node& v) { setting.region = read_region(v, "region", false); }},
         {"ssh_user", [&](const YAML::Node& v) { setting.ssh_user = reader_.text(v, "ssh_user"); }},
         {"ssh_key", [&](const YAML::Node& v) { setting.ssh_key = reader_.text(v, "ssh_key"); }}});
  }

  void read_select(const YAML::Node& node, Selector& into) {
    reader_.mapping(
        node, "select",
        {{"name", [&](const YAML::Node& v) { into.names = reader_.texts(v, "name"); }},
         {"resource_group", [&](const YAML::Node& v) { into.groups = reader_.texts(v, "resource_group"); }},
         {"tags", [&](const YAML::Node& v) { read_tags(v, into); }}});
    if (node.IsMap() && node.size() == 0)
      reader_.mistake(node.Mark(), "select needs name, resource_group or tags; every VM is `name: \"*\"`");
  }

  void read_tags(const YAML::Node& node, Selector& into) {
    if (node.IsMap() && node.size() == 0) reader_.mistake(node.Mark(), "tags needs at least one tag");
    reader_.entries(node, "tags", [&](const std::string& name, const YAML::Node&, const YAML::Node& value) {
      if (!value.IsScalar()) return reader_.mistake(value.Mark(), "the value of a tag must be a text");
      into.tags[name] = value.Scalar();  // may be empty, as a tag's value may
    });
  }

  void read_rules(const YAML::Node& node) {
    if (!node.IsSequence()) return reader_.mistake(node.Mark(), "rules must be a list");
    for (const auto& item : node) read_rule(item);
  }

  void read_rule(const YAML::Node& node) {
    Rule rule;
    rule.place = place_of(node.Mark());
    Settings own, base;
    auto handlers = handlers_of(own);
    handlers.emplace_back("name", [&](const YAML::Node& v) {
      rule.name = reader_.text(v, "name").value_or("");
      const bool twice = std::any_of(file_.rules.begin(), file_.rules.end(),
                                     [&](const Rule& other) { return other.name == rule.name; });
      if (!rule.name.empty() && twice)
        reader_.mistake(v.Mark(), fmt::format("there are two rules '{}'", rule.name));
    });
    handlers.emplace_back("select", [&](const YAML::Node& v) { read_select(v, rule.select); });
    handlers.emplace_back("template", [&](const YAML::Node& v) { base = read_template(v); });
    reader_.mapping(node, "a rule", handlers);
    for (const char* needed : {"name", "select"}) {
      if (node.IsMap() && !node[needed])
        reader_.mistake(node.Mark(), fmt::format("a rule needs `{}`", needed));
    }
    rule.settings = merged(base, own);
    file_.rules.push_back(std::move(rule));
  }

  Settings read_template(const YAML::Node& node) {
    const auto name = reader_.text(node, "template");
    if (!name) return {};
    if (const auto found = templates_.find(*name); found != templates_.end()) return found->second;
    std::vector<std::string> known;
    for (const auto& each : templates_) known.push_back(each.first);
    reader_.mistake(node.Mark(), fmt::format("there is no template '{}'{}", *name,
                                             known.empty() ? "" : core::suggestion(*name, known)));
    return {};
  }

  void read_groups(const YAML::Node& node) {
    auto& groups = file_.groups.emplace();
    reader_.entries(
        node, "groups", [&](const std::string& name, const YAML::Node& key, const YAML::Node& value) {
          Group group{name, {}, {}};
          try {
            backup::check_group_name(name);
          } catch (const Error& error) {
            reader_.mistake(key.Mark(), error.what());
          }
          for (const Group& other : groups) {
            if (other.name != name && core::equal_ignoring_case(other.name, name))
              reader_.mistake(key.Mark(), fmt::format("groups '{}' and '{}' differ in nothing but case",
                                                      other.name, name));
          }
          reader_.mapping(
              value, fmt::format("group '{}'", name),
              {{"resource_group",
                [&](const YAML::Node& v) { group.resource_groups = reader_.texts(v, "resource_group"); }},
               {"boot_order", [&](const YAML::Node& v) { read_boot_order(v, group); }}});
          if (value.IsMap() && !value["boot_order"])
            reader_.mistake(key.Mark(), fmt::format("group '{}' needs boot_order", name));
          groups.push_back(std::move(group));
        });
  }

  void read_boot_order(const YAML::Node& node, Group& group) {
    if (!node.IsSequence() || node.size() == 0)
      return reader_.mistake(node.Mark(), "boot_order must be a list of stages, each a VM or a list of VMs");
    for (const auto& stage : node) {
      auto& items = group.boot_order.emplace_back();
      if (!stage.IsSequence()) {
        read_member(stage, items);
      } else {
        for (const auto& item : stage) read_member(item, items);
      }
    }
  }

  void read_member(const YAML::Node& node, std::vector<StageItem>& into) {
    StageItem item;
    item.place = place_of(node.Mark());
    if (!node.IsMap()) {
      item.name = reader_.text(node, "a VM of boot_order").value_or("");
    } else {
      reader_.mapping(
          node, "a VM of boot_order",
          {{"name", [&](const YAML::Node& v) { item.name = reader_.text(v, "name").value_or(""); }},
           {"resource_group",
            [&](const YAML::Node& v) { item.resource_group = reader_.text(v, "resource_group"); }}});
      if (!node["name"]) reader_.mistake(node.Mark(), "a VM of boot_order needs `name`");
    }
    into.push_back(std::move(item));
  }

  void read_alerts(const YAML::Node& node) {
    // Nothing after the colon may be everything commented out: that is not to take all alerts away.
    if (node.IsNull())
      return reader_.mistake(node.Mark(), "`alerts` must be a mapping; `alerts: {}` means none");
    alert::read_config(node, reader_);
    // Only what is known to be flat: aliases in aliases make trees that no memory holds.
    if (reader_.good()) file_.alerts = to_json(node);
  }

  YamlReader& reader_;
  ProtectionFile& file_;
  std::map<std::string, Settings> templates_;
};

template <class Value>
void take(std::optional<Value>& into, const std::optional<Value>& value) {
  if (value) into = value;
}

}  // namespace

Settings merged(const Settings& base, const Settings& over) {
  Settings out = base;
  take(out.schedule, over.schedule);
  take(out.daily, over.daily);
  take(out.weekly, over.weekly);
  take(out.monthly, over.monthly);
  if (over.retention_place.line > 0) out.retention_place = over.retention_place;
  take(out.region, over.region);
  if (over.region) out.region_place = over.region_place;
  if (over.verification && !over.verification->off && out.verification && !out.verification->off) {
    take(out.verification->level, over.verification->level);
    take(out.verification->every, over.verification->every);
  } else {
    take(out.verification, over.verification);
  }
  if (over.drill) out.drill_place = over.drill_place;
  if (over.drill && !over.drill->off && out.drill && !out.drill->off) {
    take(out.drill->region, over.drill->region);
    take(out.drill->every, over.drill->every);
    take(out.drill->target_rto, over.drill->target_rto);
    take(out.drill->ssh_user, over.drill->ssh_user);
    take(out.drill->ssh_key, over.drill->ssh_key);
  } else {
    take(out.drill, over.drill);
  }
  return out;
}

ProtectionFile parse_file(const std::string& text, const std::string& path) {
  YamlReader reader(path, "the format is in docs/protection.md; nothing was changed");
  ProtectionFile file;
  file.path = path;
  Parser(reader, file).read(reader.load(text));
  reader.finish();
  return file;
}

ProtectionFile load_file(const std::string& path) {
  if (path == "-") return parse_file(core::read_stream(STDIN_FILENO, "standard input"), "standard input");
  return parse_file(
      core::read_input_file(path, "protection file", "`azlin export -f " + path + "` writes one"), path);
}

std::string at(const ProtectionFile& file, const Place& place, const std::string& text) {
  return fmt::format("{}:{}:{}: {}", file.path, place.line, place.column, text);
}

std::string to_short_text(core::Millis time) {
  for (const auto& [unit, letter] : {std::pair{core::Millis{hours{24}}, 'd'},
                                     {core::Millis{hours{1}}, 'h'},
                                     {core::Millis{std::chrono::minutes{1}}, 'm'}}) {
    if (time >= unit && time % unit == core::Millis{0}) return fmt::format("{}{}", time / unit, letter);
  }
  return fmt::format("{}s", time / core::Millis{seconds{1}});
}

}  // namespace azlin::protection
