#include "azlin/core/run_id.hpp"

#include "azlin/core/names.hpp"

namespace azlin::core {

const std::string& run_id() {
  static const std::string id = new_guid();
  return id;
}

}  // namespace azlin::core
