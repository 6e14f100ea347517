#pragma once
// Names of snapshot sets and of the snapshots in them. A name is for people: what a snapshot belongs to is in
// its tags.
#include <string>
#include <string_view>

#include "azlin/core/clock.hpp"

namespace azlin::snapshot {

// "{vm}-{kind}-{yyyymmdd-hhmm}", and "-2", … for `attempt` 2 and over. Characters that a snapshot's name may
// not have become '-'. Stays so short that "-lun63" still fits Azure's 80 characters: a long VM name is cut
// and gets a hash of the whole.
std::string set_name(std::string_view vm, std::string_view kind, core::TimePoint time, int attempt = 1);

// The set's name for the OS disk (lun -1), "{set}-lun{n}" for a data disk.
std::string member_name(std::string_view set, int lun);

}  // namespace azlin::snapshot
