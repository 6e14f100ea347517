#pragma once
// The time that names an archive.
#include <stop_token>
#include <string>

#include "azlin/core/clock.hpp"

namespace azlin::archive {

// Now, or as soon as the second is over in which this machine last named an archive `name`: so two of one
// name never share an id, whoever makes them here and wherever they go. What was named last is kept in
// <home>/archive-ids/NAME. Where the clock was set back by more than a minute, it does not wait for it.
// Throws core::Error (interrupted, failed).
core::TimePoint stamp_archive(const std::string& home, const std::string& name, core::Clock& clock,
                              std::stop_token stop);

}  // namespace azlin::archive
