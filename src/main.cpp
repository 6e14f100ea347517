#include "azlin/cli/main.hpp"

int main(int argc, char** argv) {
  return azlin::cli::run_main(argc, argv);
}
