#pragma once
// The certificate of the simulator's TLS listener: signed by itself, for localhost and 127.0.0.1.
#include <string>

namespace azlin::simulator {

struct TlsFiles {
  std::string certificate, key;  // paths of PEM files
};

// Those in `folder`, made when they are missing (the key with mode 0600). Throws core::Error (failed).
TlsFiles tls_files(const std::string& folder);

}  // namespace azlin::simulator
