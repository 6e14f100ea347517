#include "report/charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "azlin/core/format.hpp"

namespace azlin::report {

namespace {

constexpr int kWidth = 720;
constexpr int kLabel = 190;  // left of bars
constexpr int kRow = 22;

constexpr const char* kNoData = "<p class=\"none\">no data</p>\n";

std::string svg(const std::string& title, int height, const std::string& body) {
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\"><title>{}</title>\n{}</svg>\n", kWidth,
      height, escaped(title), escaped(title), body);
}

// At most so many characters; an SVG text does not wrap.
std::string shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

std::string label(int y, const std::string& text) {
  return fmt::format("<text x=\"{}\" y=\"{}\" class=\"label\">{}</text>\n", kLabel - 8, y + 15,
                     escaped(shortened(text, 28)));
}

std::string bar(double x, int y, double width, const char* css, const std::string& tip) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" class=\"{}\"><title>{}</title></rect>\n", x,
      y + 3, std::max(0.0, width), kRow - 6, css, escaped(tip));
}

std::string value_text(double x, int y, const std::string& text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{}\" class=\"value\">{}</text>\n", x + 6, y + 15, escaped(text));
}

double minutes(core::Millis time) {
  return static_cast<double>(time.count()) / 60'000.0;
}

std::string legend(const std::vector<std::pair<const char*, const char*>>& entries) {
  std::string text = "<p class=\"legend\">";
  for (const auto& [css, name] : entries)
    text += fmt::format(
        "<span><svg viewBox=\"0 0 10 10\"><rect width=\"10\" height=\"10\" class=\"{}\"/></svg> {}</span> ",
        css, name);
  return text + "</p>\n";
}

const char* css_of(Day day) {
  switch (day) {
    case Day::none:
      return "d0";
    case Day::daily:
      return "d1";
    case Day::weekly:
      return "d2";
    case Day::monthly:
      return "d3";
    case Day::failed:
      return "bad";
  }
  return "d0";
}

const char* text_of(Day day) {
  switch (day) {
    case Day::none:
      return "no backup known";
    case Day::daily:
      return "daily backup";
    case Day::weekly:
      return "weekly backup";
    case Day::monthly:
      return "monthly backup";
    case Day::failed:
      return "backup failed";
  }
  return "";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        // What XML has no place for would end the document for a strict reader.
        result += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return result;
}

std::string rto_chart(const Report& report) {
  std::vector<const dr::DRTestResult*> drills;
  for (const auto& drill : report.facts.drills) {
    if (drill.rto) drills.push_back(&drill);
  }
  if (drills.empty()) return kNoData;
  std::stable_sort(drills.begin(), drills.end(),
                   [](const auto* a, const auto* b) { return a->started_at < b->started_at; });
  constexpr std::size_t kMost = 40;
  const std::size_t left_out = drills.size() > kMost ? drills.size() - kMost : 0;
  drills.erase(drills.begin(), drills.begin() + static_cast<std::ptrdiff_t>(left_out));
  double most = 0;
  for (const auto* drill : drills) most = std::max({most, minutes(*drill->rto), minutes(drill->target_rto)});
  const double scale = (kWidth - kLabel - 90) / most;
  std::string body;
  int y = 0;
  for (const auto* drill : drills) {
    const double width = minutes(*drill->rto) * scale, target = kLabel + minutes(drill->target_rto) * scale;
    const auto text = core::to_display(*drill->rto);
    const bool good = drill->within_target() && drill->verdict == dr::Verdict::passed;
    body += label(y, core::to_display(drill->started_at).substr(0, 10) + " " + drill->vm.name);
    body += bar(kLabel, y, width, good ? "good" : "bad",
                fmt::format("{}: {}, {}", drill->vm.name, text, dr::to_string(drill->verdict)));
    body += fmt::format("<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" class=\"target\"/>\n",
                        target, y, y + kRow);
    body += value_text(std::max(kLabel + width, target), y, text);
    y += kRow;
  }
  auto chart = svg("RTO of each drill against its target", y, body) +
               legend({{"good", "within the target"}, {"bad", "slower, or failed"}, {"targetkey", "target"}});
  if (left_out > 0)
    chart += fmt::format("<p>The {} before these are in the table.</p>\n", core::counted(left_out, "drill"));
  return chart;
}

std::string verification_chart(const Report& report) {
  std::string body;
  int y = 0;
  const double room = kWidth - kLabel - 110;
  for (const auto& row : report.vms) {
    if (row.backups == 0) continue;
    const double part = room * row.verified / row.backups;
    const auto text = fmt::format("{} of {}", row.verified, row.backups);
    body += label(y, row.vm);
    body += bar(kLabel, y, room, "rest", text);
    body += bar(kLabel, y, part, "good", text);
    body += value_text(kLabel + room, y, text);
    y += kRow;
  }
  if (y == 0) return kNoData;
  return svg("Backups that passed a verification in the window", y, body) +
         legend({{"good", "verified"}, {"rest", "not verified in the window"}});
}

std::string calendar_chart(const Report& report) {
  if (report.calendar.empty()) return kNoData;
  const int days = report.facts.days;
  const double cell = static_cast<double>(kWidth - kLabel) / days;
  const auto first = std::chrono::floor<std::chrono::days>(report.facts.now) - std::chrono::days{days - 1};
  std::string body;
  int y = 18;
  const int every = std::max(1, days / 6);
  for (int i = 0; i < days; i += every) {
    const auto day = core::to_iso8601(core::TimePoint(first + std::chrono::days{i})).substr(5, 5);
    body += fmt::format("<text x=\"{:.1f}\" y=\"12\" class=\"axis\">{}</text>\n", kLabel + i * cell, day);
  }
  for (const auto& row : report.calendar) {
    body += label(y, row.vm);
    for (std::size_t i = 0; i < row.days.size(); ++i) {
      const auto day = core::to_iso8601(core::TimePoint(first + std::chrono::days{i})).substr(0, 10);
      body += bar(kLabel + static_cast<double>(i) * cell, y, std::max(1.0, cell - (cell > 4 ? 1 : 0)),
                  css_of(row.days[i]), day + ": " + text_of(row.days[i]));
    }
    y += kRow;
  }
  return svg("Backups by day", y, body) +
         legend(
             {{"d1", "daily"}, {"d2", "weekly"}, {"d3", "monthly"}, {"bad", "failed"}, {"d0", "none known"}});
}

std::string storage_chart(const Report& report) {
  if (!report.facts.cost) return kNoData;
  static const std::vector<std::string> order = {"daily", "weekly", "monthly", "replicas"};
  std::map<std::string, double> gib;
  double most = 0;
  bool bounded = false;
  for (const auto& line : report.facts.cost->lines) {
    if (std::find(order.begin(), order.end(), line.what) == order.end()) continue;
    most = std::max(most, gib[line.what] += line.gib);
    bounded = bounded || line.basis == Basis::bound;
  }
  if (most <= 0) return kNoData;
  std::string body;
  int y = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double width = gib[order[i]] / most * (kWidth - kLabel - 110);
    const auto text = fmt::format("{}{:.0f} GiB", bounded && gib[order[i]] > 0 ? "≤ " : "", gib[order[i]]);
    body += label(y, order[i]);
    body += bar(kLabel, y, width, i == 0 ? "d1" : i == 1 ? "d2" : i == 2 ? "d3" : "rest", text);
    body += value_text(kLabel + width, y, text);
    y += kRow;
  }
  return svg("Storage by tier", y, body);
}

}  // namespace azlin::report
