#pragma once
// Bounded parallel work with blocking calls.
#include <cstddef>
#include <exception>
#include <functional>
#include <stop_token>
#include <vector>

namespace azlin::core {

// Runs work(0) … work(count-1) on at most `max_parallel` threads and returns when all that were begun have
// ended. Begins no more when `stop` is requested; an item that throws does not keep the others from running.
// The result has one entry an item: null when it ended well. Items never begun hold core::Error
// (interrupted). Throws core::Error (usage) when max_parallel < 1.
std::vector<std::exception_ptr> run_parallel(std::size_t count, int max_parallel, std::stop_token stop,
                                             const std::function<void(std::size_t)>& work);

}  // namespace azlin::core
