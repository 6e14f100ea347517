#pragma once
// Metrics in Prometheus' text format (0.0.4), for node_exporter's textfile collector. Pure.
#include <map>
#include <string>
#include <vector>

#include "azlin/report/report.hpp"

namespace azlin::report {

struct MetricsFacts {
  std::string version, commit;
  int alerts_open = 0;
  int interrupted = 0;  // operations that wait for `azlin recover`
  struct Run {
    std::string job;
    core::TimePoint ended;
    int exit_code = 0;
  };
  std::vector<Run> runs;  // the last of each scheduled job
};

// What is not known has no sample. Names: docs/metrics.md.
std::string to_prometheus(const Report& report, const MetricsFacts& facts);

}  // namespace azlin::report
