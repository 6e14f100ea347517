#include "azlin/store/version.hpp"

#include <sqlite3.h>

namespace azlin::store {

std::string library_version() {
  return sqlite3_libversion();
}

}  // namespace azlin::store
