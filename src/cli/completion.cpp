#include "cli/completion.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "cli/option_values.hpp"

namespace azlin::cli {

namespace {

bool takes_value(const CLI::Option& option) {
  return option.get_items_expected_max() > 0;
}

// The kind of name that an option takes: its type where that is one ("REGION"), else its own name
// ("--backup").
std::string kind_of(const CLI::Option& option, const CompletionNames& names) {
  if (names.contains(option.get_type_name())) return option.get_type_name();
  std::string kind = option.get_positional() ? option.get_name(true) : "";
  if (kind.empty() && !option.get_lnames().empty()) kind = option.get_lnames().front();
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::toupper(c); });
  return kind;
}

bool visible(const CLI::App* command) {
  return !command->get_group().empty();
}

const CLI::App* child_named(const CLI::App& command, const std::string& word) {
  for (const CLI::App* child : command.get_subcommands(visible)) {
    if (child->check_name(word)) return child;
  }
  return nullptr;
}

// A flag of the command or, since every command takes those too, of one above it.
const CLI::Option* option_named(const std::vector<const CLI::App*>& path, const std::string& word) {
  for (auto command = path.rbegin(); command != path.rend(); ++command) {
    for (const CLI::Option* option : (*command)->get_options()) {
      if (!option->get_positional() && option->check_name(word)) return option;
    }
  }
  return nullptr;
}

class Walk {
 public:
  Walk(const CLI::App& root, const CompletionNames& names) : path_{&root}, names_(names) {}

  void take(const std::string& word) {
    if (std::exchange(awaiting_, nullptr) != nullptr) return;
    if (word == "--") {
      only_positionals_ = true;
    } else if (!only_positionals_ && word.size() > 1 && word[0] == '-') {
      const CLI::Option* option = option_named(path_, word);
      if (option != nullptr && takes_value(*option)) awaiting_ = option;
    } else if (const CLI::App* child = child_named(*path_.back(), word)) {
      path_.push_back(child);
    } else {
      positionals_.push_back(word);
    }
  }

  Completion offer(const std::string& word) const {
    Completion result;
    const auto equals = word.find('=');
    if (awaiting_ != nullptr) {
      add_values(result, *awaiting_, "", word);
    } else if (!only_positionals_ && word.rfind("--", 0) == 0 && equals != std::string::npos) {
      const CLI::Option* option = option_named(path_, word.substr(0, equals));
      if (option != nullptr) add_values(result, *option, word.substr(0, equals + 1), word.substr(equals + 1));
    } else if (!only_positionals_ && !word.empty() && word[0] == '-') {
      add_flags(result, word);
    } else {
      add_commands(result, word);
      add_positional(result, word);
    }
    return result;
  }

 private:
  static void add(Completion& result, const std::string& value, const std::string& help,
                  const std::string& word) {
    const Candidate candidate{value, help};
    if (value.rfind(word, 0) != 0) return;
    if (std::find(result.candidates.begin(), result.candidates.end(), candidate) == result.candidates.end())
      result.candidates.push_back(candidate);
  }

  void add_values(Completion& result, const CLI::Option& option, const std::string& prefix,
                  const std::string& word) const {
    const std::string type = option.get_type_name();
    for (const auto& value : listed_values(option)) add(result, prefix + value, "", prefix + word);
    const std::string kind = kind_of(option, names_);
    if (const auto known = names_.find(kind); known != names_.end()) {
      const std::string begin = kind == "BACKUP" ? beginning_of_backups(known->second) : "";
      // Each is in the list once, and there may be tens of thousands: they are not looked for again.
      for (const auto& name : known->second) {
        if (name.starts_with(word) && name.starts_with(begin))
          result.candidates.push_back({prefix + name, ""});
      }
    }
    if (type == "FILE" || type == "DIR" || type == "PATH") result.files = true;
  }

  // "vm1-" when the line names the VM vm1 and some backup begins so; else empty: those of all VMs are
  // offered.
  std::string beginning_of_backups(const std::vector<std::string>& backups) const {
    const auto vms = names_.find("VM");
    for (const auto& word : positionals_) {
      if (vms == names_.end() || std::find(vms->second.begin(), vms->second.end(), word) == vms->second.end())
        continue;
      const auto its_own = [&](const std::string& name) { return name.starts_with(word + "-"); };
      if (std::any_of(backups.begin(), backups.end(), its_own)) return word + "-";
    }
    return "";
  }

  void add_flags(Completion& result, const std::string& word) const {
    for (auto command = path_.rbegin(); command != path_.rend(); ++command) {
      for (const CLI::Option* option : (*command)->get_options()) {
        if (option->get_positional() || option->get_group().empty()) continue;
        for (const auto& name : option->get_lnames())
          add(result, "--" + name, option->get_description(), word);
      }
    }
  }

  void add_commands(Completion& result, const std::string& word) const {
    if (only_positionals_ || !positionals_.empty()) return;
    for (const CLI::App* child : path_.back()->get_subcommands(visible))
      add(result, child->get_name(), child->get_description(), word);
  }

  // The positional that comes next; the last one takes what is left when it may stand several times.
  void add_positional(Completion& result, const std::string& word) const {
    std::size_t index = 0;
    for (const CLI::Option* option : path_.back()->get_options()) {
      if (!option->get_positional()) continue;
      if (index++ == positionals_.size() || option->get_items_expected_max() > 1) {
        add_values(result, *option, "", word);
        return;
      }
    }
  }

  std::vector<const CLI::App*> path_;
  const CompletionNames& names_;
  const CLI::Option* awaiting_ = nullptr;  // the option whose value comes next
  std::vector<std::string> positionals_;
  bool only_positionals_ = false;
};

}  // namespace

Completion complete(const CLI::App& root, const std::vector<std::string>& words,
                    const CompletionNames& names) {
  if (words.empty()) return {};
  Walk walk(root, names);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) walk.take(words[i]);
  return walk.offer(words.back());
}

}  // namespace azlin::cli
