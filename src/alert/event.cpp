#include "azlin/alert/event.hpp"

#include "azlin/core/names.hpp"

namespace azlin::alert {

std::string alert_key(Rule rule, const std::string& subject, const std::string& detail) {
  return core::to_lower(std::string(to_string(rule)) + ":" + subject + (detail.empty() ? "" : ":" + detail));
}

AlertEvent problem(Rule rule, const std::string& subject, std::string title, std::string text,
                   std::vector<std::pair<std::string, std::string>> facts) {
  AlertEvent event;
  event.rule = rule;
  event.subject = subject;
  event.key = alert_key(rule, subject);
  event.title = std::move(title);
  event.text = std::move(text);
  event.facts = std::move(facts);
  return event;
}

AlertEvent all_clear(Rule rule, const std::string& subject, std::string text, const std::string& detail) {
  AlertEvent event = problem(rule, subject, {}, std::move(text));
  event.key = alert_key(rule, subject, detail);
  event.resolved = true;
  return event;
}

}  // namespace azlin::alert
