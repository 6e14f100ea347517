#include "azlin/core/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

#include "azlin/core/error.hpp"

namespace azlin::core {

std::vector<std::exception_ptr> run_parallel(std::size_t count, int max_parallel, std::stop_token stop,
                                             const std::function<void(std::size_t)>& work) {
  if (max_parallel < 1) throw Error(ErrorKind::usage, "the number of parallel jobs must be at least 1");
  const auto never_begun =
      std::make_exception_ptr(Error(ErrorKind::interrupted, "not begun: the command was interrupted"));
  std::vector<std::exception_ptr> results(count, never_begun);
  std::atomic<std::size_t> next{0};

  const auto loop = [&] {
    while (!stop.stop_requested()) {
      const std::size_t item = next++;
      if (item >= count) return;
      results[item] = nullptr;
      try {
        work(item);
      } catch (...) {
        results[item] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;  // the caller's thread is one of the workers
    const auto wanted = std::min(count, static_cast<std::size_t>(max_parallel));
    try {
      while (others.size() + 1 < wanted) others.emplace_back(loop);
    } catch (const std::system_error&) {
      // The machine gives no more threads: fewer do the same work.
    }
    loop();
  }
  return results;
}

}  // namespace azlin::core
