#include "azlin/dr/shell.hpp"

namespace azlin::dr {

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of("\r\n ");
  if (end == std::string::npos) return {};
  const auto before = text.find_last_of('\n', end);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return text.substr(begin, end - begin + 1);
}

ShellEnd run_shell(core::ProcessRunner& processes, const std::string& command,
                   const std::map<std::string, std::string>& variables, std::stop_token stop) {
  core::ProcessRequest request;
  request.argv = {"sh", "-c", command};
  request.extra_env = variables;
  request.time_limit = kHookLimit;
  const auto result = processes.run(request, stop);
  std::string said = last_line(result.out);
  if (said.empty()) said = last_line(result.err);
  return {result.exit_code, result.timed_out ? "ended after 10 minutes" : said};
}

}  // namespace azlin::dr
