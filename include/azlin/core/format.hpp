#pragma once
// Small texts for people.
#include <cstdint>
#include <string>

namespace azlin::core {

// "128 GB" (GB means GiB, as on Azure), "512 MB", "0 B".
std::string to_size(std::uint64_t bytes);
// "1 backup", "23 backups": count and noun with its plural s.
std::string counted(std::size_t count, const std::string& noun);
// Without the full stop and the spaces at its end: what a service said, where the sentence goes on behind it.
std::string without_full_stop(std::string text);

}  // namespace azlin::core
