#pragma once
// The command line: parses, runs one command, maps errors to exit codes.

namespace azlin::cli {

// What main() returns. Never throws.
int run_main(int argc, char** argv);

}  // namespace azlin::cli
