#pragma once
// How far a verification goes. Each level includes the one before it.
#include <optional>
#include <string_view>

namespace azlin::verification {

enum class Level {
  none,     // nothing was proved
  disk,     // a disk can be made from each snapshot, and is what was backed up
  content,  // and its partition table and file systems are sound, and random allocated blocks can be read
  full,     // and every allocated block was read and hashed
};
const char* to_string(Level level);
std::optional<Level> parse_level(std::string_view text);  // disk, content, full

enum class Outcome {
  passed,
  failed,        // the backup is not what it should be
  inconclusive,  // it could not be checked: quota, network, permission. Says nothing about the backup
};
const char* to_string(Outcome outcome);
std::optional<Outcome> parse_outcome(std::string_view text);

}  // namespace azlin::verification
