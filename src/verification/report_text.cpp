#include <fmt/format.h>

#include "azlin/verification/inspection.hpp"

namespace azlin::verification {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& one : parts) text += (text.empty() ? "" : "; ") + one;
  return text;
}

std::string size_text(std::uint64_t bytes) {
  if (bytes >= 1u << 30) return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1u << 30));
  if (bytes >= 1u << 20) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1u << 20));
  return fmt::format("{} bytes", bytes);
}

void add_details(std::vector<std::string>& lines, const std::string& indent,
                 const std::vector<std::string>& checked, const std::vector<std::string>& not_checked,
                 const std::vector<Finding>& findings) {
  for (const Finding& f : findings) {
    std::string line = fmt::format("{}{}: {} (byte {})", indent, to_string(f.severity), f.what, f.offset);
    if (!f.expected.empty()) line += fmt::format(", expected {}", f.expected);
    if (!f.found.empty()) line += fmt::format(", found {}", f.found);
    lines.push_back(std::move(line));
  }
  if (!checked.empty()) lines.push_back(fmt::format("{}checked: {}", indent, joined(checked)));
  if (!not_checked.empty()) lines.push_back(fmt::format("{}not checked: {}", indent, joined(not_checked)));
}

// What a verdict claims, and what it does not.
const char* sentence(Verdict verdict) {
  switch (verdict) {
    case Verdict::sound:
      return "sound";
    case Verdict::damaged:
      return "DAMAGED";
    case Verdict::encrypted:
      return "encrypted, contents not checked";
    case Verdict::unknown:
      return "unknown, not checked";
    case Verdict::empty:
      return "empty";
  }
  return "?";
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::sound:
      return "sound";
    case Verdict::damaged:
      return "damaged";
    case Verdict::encrypted:
      return "encrypted";
    case Verdict::unknown:
      return "unknown";
    case Verdict::empty:
      return "empty";
  }
  return "?";
}

const char* to_string(Severity severity) {
  return severity == Severity::damage ? "damage" : "note";
}

std::vector<std::string> to_lines(const DiskReport& report) {
  std::vector<std::string> lines;
  lines.push_back(
      fmt::format("disk of {}, {}: {}", size_text(report.size),
                  report.table == "none" ? "no partition table" : "partition table " + report.table,
                  sentence(report.verdict)));
  add_details(lines, "  ", report.checked, report.not_checked, report.findings);
  for (const PartitionReport& p : report.partitions) {
    const std::string name = p.index == 0 ? "whole disk" : fmt::format("partition {}", p.index);
    lines.push_back(fmt::format("  {} at byte {}, {}, {}: {}", name, p.offset, size_text(p.length),
                                p.kind.empty() ? "no known file system" : p.kind, sentence(p.verdict)));
    add_details(lines, "    ", p.checked, p.not_checked, p.findings);
  }
  return lines;
}

}  // namespace azlin::verification
