#pragma once
// A secret that alerts.yaml names but never holds.
#include <optional>
#include <string>
#include <string_view>

#include "azlin/core/env.hpp"

namespace azlin::alert {

class SecretRef {
 public:
  // "env:NAME" or "file:/absolute/path"; nullopt for anything else.
  static std::optional<SecretRef> parse(std::string_view text);

  // Reads it, without the line end that an editor leaves. Throws core::Error (failed), which names the
  // reference and never the value: unset, unreadable, empty, over 64 KiB, or holding control characters.
  std::string read(const core::Env& env) const;

  // "env:NAME", for messages.
  const std::string& text() const { return text_; }

 private:
  explicit SecretRef(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// True when an address carries a credential: user info, a query, or a path segment like a key (20 or more
// characters of letters with digits). Such an address belongs behind a reference.
bool url_holds_secret(std::string_view url);

}  // namespace azlin::alert
