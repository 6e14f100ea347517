#pragma once
// The simulated Azure: an HTTP server on loopback that answers as Azure Resource Manager does. What it
// answers, how it is told to misbehave, and what it does not simulate is docs/simulator.md.
#include <memory>
#include <string>
#include <string_view>

namespace azlin::simulator {

// How long an operation takes: at once, a second or two, or the minutes that Azure takes.
enum class Latency { none, demo, realistic };

// Throws core::Error (usage) when `text` is none of none|demo|realistic.
Latency parse_latency(std::string_view text);
const char* to_string(Latency latency);

struct Options {
  int port = 0;  // 0 picks a free one
  int tls_port =
      -1;  // a second listener over TLS, which Microsoft's clients insist on; -1: none, 0 picks one
  // "http://127.0.0.1:N": where the blobs of storage accounts are (Azurite), as "{endpoint}/{account}";
  // empty: accounts have the host names of Azure, which nobody answers.
  std::string blob_endpoint;
  std::string state_dir;  // made when missing; holds everything, so that a restart goes on where it ended
  Latency latency = Latency::none;
  bool latency_given = false;  // false: a state that exists keeps the latency it was left with
  bool throttle = false;       // refuse too many requests, with Azure's buckets
  std::string seed =
      "sample";  // sample | empty | fleet:VMSxSETS | a JSON file; used only when the state is new
};

// One simulated Azure. Prints nothing. Binds 127.0.0.1 only. The methods may be called from any thread.
class Server {
 public:
  // Opens or makes the state. Throws core::Error: usage for a bad seed, failed when the folder cannot be
  // used.
  explicit Server(const Options& options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Begins to serve in threads of its own and returns the bound port. Throws core::Error (failed) when the
  // port is taken.
  int start();
  int port() const;
  std::string base_url() const;  // "http://127.0.0.1:PORT"
  // Of the TLS listener, "https://127.0.0.1:PORT", and the certificate to trust (made once, kept in the state
  // folder). Both empty when there is none.
  std::string tls_url() const;
  std::string certificate() const;
  // Ends the listener and waits for the requests under way. Harmless when called twice.
  void stop();

  struct Parts;

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace azlin::simulator
