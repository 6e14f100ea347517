#include "azlin/alert/event.hpp"

#include "azlin/core/names.hpp"

namespace azlin::alert {

namespace {

std::string key_of(Rule rule, const std::string& subject, const std::string& detail) {
  return core::to_lower(std::string(to_string(rule)) + ":" + subject + (detail.empty() ? "" : ":" + detail));
}

}  // namespace

std::string alert_key(Rule rule, const Subject& subject, const std::string& detail) {
  return key_of(rule, subject.group.empty() ? subject.name : subject.group + "/" + subject.name, detail);
}

AlertEvent problem(Rule rule, const Subject& subject, std::string title, std::string text,
                   std::vector<std::pair<std::string, std::string>> facts, const std::string& detail) {
  AlertEvent event;
  event.rule = rule;
  event.subject = subject.name;
  event.group = subject.group;
  event.key = alert_key(rule, subject, detail);
  // Keys once held the name alone, or "name (group)" where the command knew of two.
  if (!subject.group.empty())
    event.former_keys = {key_of(rule, subject.name, detail),
                         key_of(rule, subject.name + " (" + subject.group + ")", detail)};
  event.title = std::move(title);
  event.text = std::move(text);
  event.facts = std::move(facts);
  return event;
}

AlertEvent all_clear(Rule rule, const Subject& subject, std::string text, const std::string& detail) {
  AlertEvent event = problem(rule, subject, {}, std::move(text), {}, detail);
  event.resolved = true;
  return event;
}

}  // namespace azlin::alert
