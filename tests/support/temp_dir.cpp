#include "support/temp_dir.hpp"

#include <cstdlib>
#include <stdexcept>

namespace azlin::test {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "azlin-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace azlin::test
