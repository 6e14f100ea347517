// alerts.yaml, read.
#include <fmt/format.h>

#include <algorithm>

#include "azlin/alert/config.hpp"
#include "azlin/alert/config_node.hpp"
#include "azlin/core/suggest.hpp"
#include "azlin/http/transport.hpp"

namespace azlin::alert {

using core::suggestion;
using core::YamlReader;

namespace {

const std::vector<std::string> kTypes = {"slack", "email", "webhook"};

template <class Values>
std::vector<std::string> names_of(const Values& values) {
  std::vector<std::string> names;
  for (const auto value : values) names.emplace_back(to_string(value));
  return names;
}

bool contains(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_address(const std::string& text) {
  const auto at = text.find('@');
  const auto good = [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("<>(),;:\"\\[]").find(static_cast<char>(c)) == std::string_view::npos;
  };
  return at != std::string::npos && at > 0 && at + 1 < text.size() &&
         text.find('@', at + 1) == std::string::npos && text.size() <= 254 &&
         std::all_of(text.begin(), text.end(), good);
}

bool is_url(const std::string& url) {
  const auto plain = [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '<' && c != '>'; };
  const auto host = url.find("://") + 3;
  return (url.starts_with("https://") || url.starts_with("http://")) && host < url.size() &&
         url[host] != '/' && std::all_of(url.begin(), url.end(), plain);
}

class Parser {
 public:
  explicit Parser(YamlReader& reader) : reader_(reader) {}

  AlertConfig parse(const YAML::Node& root) {
    if (!root.IsNull()) read_root(root);
    check_channel_names();
    return std::move(config_);
  }

 private:
  void read_root(const YAML::Node& root) {
    reader_.entries(
        root, "the file", [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
          if (key == "channels") return read_channels(value);
          if (const auto rule = parse_rule(key)) return read_rule(*rule, value);
          auto known = names_of(kRules);
          known.emplace_back("channels");
          reader_.mistake(key_node.Mark(), fmt::format("unknown rule '{}'{}", key, suggestion(key, known)));
        });
  }

  void read_rule(Rule rule, const YAML::Node& node) {
    auto& settings = config_.rules[rule];
    const std::string name = to_string(rule);
    YamlReader::Handlers handlers = {
        {"enabled",
         [&](const YAML::Node& v) { settings.enabled = reader_.boolean(v, "enabled").value_or(true); }},
        {"severity", [&](const YAML::Node& v) { read_severity(v, settings); }},
        {"channels", [&](const YAML::Node& v) { read_rule_channels(v, settings); }},
        {"renotify", [&](const YAML::Node& v) { read_renotify(v, settings); }}};
    if (const auto kind = threshold_kind(rule)) {
      handlers.emplace_back(kind->key, [this, kind, &settings](const YAML::Node& v) {
        if (const auto value = reader_.number(v, kind->key, kind->least, kind->most))
          settings.threshold = *value;
      });
    }
    reader_.mapping(node, name, handlers);
  }

  void read_severity(const YAML::Node& node, RuleSettings& settings) {
    const auto word = reader_.text(node, "severity");
    if (!word) return;
    if (const auto severity = parse_severity(*word))
      settings.severity = *severity;
    else
      reader_.mistake(node.Mark(), fmt::format("unknown severity '{}'{}", *word,
                                               suggestion(*word, names_of(kSeverities))));
  }

  void read_renotify(const YAML::Node& node, RuleSettings& settings) {
    const auto word = reader_.text(node, "renotify");
    if (!word) return;
    const auto duration =
        *word == "never" ? core::Millis{0} : core::parse_duration(*word).value_or(core::Millis{1});
    if (duration == core::Millis{0} ? *word == "never" : duration >= std::chrono::minutes(5))
      settings.renotify = duration;
    else
      reader_.mistake(node.Mark(),
                      "renotify must be never, or a time of at least 5 minutes such as 30m, 24h, 7d");
  }

  void read_rule_channels(const YAML::Node& node, RuleSettings& settings) {
    if (!node.IsSequence()) {
      reader_.mistake(node.Mark(), "channels must be a list such as [slack, email]");
      return;
    }
    settings.channels.emplace();
    for (const auto& item : node) {
      const auto name = reader_.text(item, "channels");
      if (!name) continue;
      if (!contains(*settings.channels, *name)) settings.channels->push_back(*name);
      mentioned_.emplace_back(*name, item.Mark());
    }
  }

  // The types' own names may be mentioned without being configured: the file then says where messages would
  // go.
  void check_channel_names() {
    auto known = kTypes;
    for (const auto& name : declared_)
      if (!contains(known, name)) known.push_back(name);
    for (const auto& [name, mark] : mentioned_) {
      if (!contains(known, name))
        reader_.mistake(mark, fmt::format("unknown channel '{}'{}", name, suggestion(name, known)));
      else if (!contains(declared_, name))
        config_.warnings.push_back(reader_.at(
            mark, fmt::format("channel '{}' is not set up under channels:, so it hears nothing", name)));
    }
  }

  void read_channels(const YAML::Node& node) {
    reader_.entries(
        node, "channels", [&](const std::string& name, const YAML::Node& key, const YAML::Node& value) {
          declared_.push_back(name);
          const auto good = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
          if (name.empty() || name.size() > 40 || !std::all_of(name.begin(), name.end(), good))
            return reader_.mistake(key.Mark(), "a channel's name is 1 to 40 letters, digits, '-' or '_'");
          if (!value.IsMap())
            return reader_.mistake(value.Mark(),
                                   fmt::format("channel '{}' must be a mapping of keys and values", name));
          read_channel(name, key, value);
        });
  }

  void read_channel(const std::string& name, const YAML::Node& key, const YAML::Node& node) {
    std::string type = name;
    if (const auto given = node["type"]) {
      const auto word = reader_.text(given, "type");
      if (!word) return;
      type = *word;
      if (!contains(kTypes, type))
        return reader_.mistake(given.Mark(),
                               fmt::format("unknown type '{}'{}", type, suggestion(type, kTypes)));
    }
    if (type == "slack") return read_slack(name, key, node);
    if (type == "email") return read_email(name, key, node);
    if (type == "webhook") return read_webhook(name, key, node);
    reader_.mistake(key.Mark(), fmt::format("channel '{}' needs a type: slack, email or webhook", name));
  }

  static YamlReader::Handlers with_type(YamlReader::Handlers handlers) {
    handlers.emplace_back("type", [](const YAML::Node&) {});
    return handlers;
  }

  void read_slack(const std::string& name, const YAML::Node& key, const YAML::Node& node) {
    std::optional<SecretRef> url;
    const bool given = node["webhook_url"].IsDefined();
    reader_.mapping(
        node, "channel '" + name + "'",
        with_type({{"webhook_url", [&](const YAML::Node& v) { url = secret(v, "webhook_url"); }}}));
    if (!given) reader_.mistake(key.Mark(), fmt::format("channel '{}' needs webhook_url", name));
    if (url) config_.channels.push_back({name, SlackChannel{*url}});
  }

  void read_webhook(const std::string& name, const YAML::Node& key, const YAML::Node& node) {
    std::optional<std::variant<std::string, SecretRef>> url;
    std::optional<SecretRef> signing;
    reader_.mapping(node, "channel '" + name + "'",
                    with_type({{"url", [&](const YAML::Node& v) { url = read_url(v); }},
                               {"secret", [&](const YAML::Node& v) { signing = secret(v, "secret"); }}}));
    for (const char* needed : {"url", "secret"})
      if (!node[needed].IsDefined())
        reader_.mistake(key.Mark(), fmt::format("channel '{}' needs {}", name, needed));
    if (url && signing) config_.channels.push_back({name, WebhookChannel{*url, *signing}});
  }

  std::optional<std::variant<std::string, SecretRef>> read_url(const YAML::Node& node) {
    const auto url = reader_.text(node, "url");
    if (!url) return std::nullopt;
    if (const auto reference = SecretRef::parse(*url)) return *reference;
    if (!is_url(*url)) {
      reader_.mistake(node.Mark(),
                      "url must be an address such as https://example.com/hook, or env:NAME, or file:/path");
    } else if (url->starts_with("http://") && !http::is_loopback_url(*url)) {
      reader_.mistake(node.Mark(), "url must be https (http only to this machine)");
    } else if (url_holds_secret(*url)) {
      reader_.mistake(node.Mark(), "url seems to hold a credential: give it as env:NAME or file:/path");
    } else {
      return *url;
    }
    return std::nullopt;
  }

  // The value is never quoted: who writes a secret here in clear must not find it in a log as well.
  std::optional<SecretRef> secret(const YAML::Node& node, const std::string& what) {
    const auto value = reader_.text(node, what);
    if (!value) return std::nullopt;
    auto reference = SecretRef::parse(*value);
    if (!reference)
      reader_.mistake(
          node.Mark(),
          fmt::format("{} must be a reference, env:NAME or file:/path: no secret stands in this file", what));
    return reference;
  }

  void read_email(const std::string& name, const YAML::Node& key, const YAML::Node& node) {
    EmailChannel email;
    std::optional<http::SmtpSecurity> security;
    std::optional<int> port;
    reader_.mapping(
        node, "channel '" + name + "'",
        with_type({{"host", [&](const YAML::Node& v) { email.host = read_host(v); }},
                   {"port", [&](const YAML::Node& v) { port = read_port(v); }},
                   {"security", [&](const YAML::Node& v) { security = read_security(v); }},
                   {"username", [&](const YAML::Node& v) { email.username = line(v, "username"); }},
                   {"password", [&](const YAML::Node& v) { email.password = secret(v, "password"); }},
                   {"from", [&](const YAML::Node& v) { read_from(v, email); }},
                   {"to", [&](const YAML::Node& v) { read_to(v, email); }},
                   {"ca_file", [&](const YAML::Node& v) { email.ca_file = read_path(v); }}}));
    for (const char* needed : {"host", "from", "to"})
      if (!node[needed].IsDefined())
        reader_.mistake(key.Mark(), fmt::format("channel '{}' needs {}", name, needed));
    if (node["username"].IsDefined() != node["password"].IsDefined())
      reader_.mistake(key.Mark(), fmt::format("channel '{}' needs username and password, or neither", name));
    const bool local = is_local(email.host);
    email.security = security.value_or(local ? http::SmtpSecurity::none : http::SmtpSecurity::starttls);
    if (email.security == http::SmtpSecurity::none && !local && !email.host.empty())
      reader_.mistake(node["security"].Mark(), "security: none is only for a mail server on this machine");
    email.port = port.value_or(email.security == http::SmtpSecurity::tls    ? 465
                               : email.security == http::SmtpSecurity::none ? 25
                                                                            : 587);
    config_.channels.push_back({name, email});
  }

  static bool is_local(const std::string& host) {
    return http::is_loopback_url("http://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") +
                                 "/");
  }

  std::string line(const YAML::Node& node, const std::string& what) {
    const auto value = reader_.text(node, what).value_or("");
    if (std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; }))
      return value;
    reader_.mistake(node.Mark(), fmt::format("{} must be one line", what));
    return "";
  }

  std::string read_host(const YAML::Node& node) {
    const auto host = reader_.text(node, "host");
    const auto good = [](unsigned char c) {
      return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '_';
    };
    if (host && std::all_of(host->begin(), host->end(), good)) return *host;
    if (host) reader_.mistake(node.Mark(), "host must be a mail server's name or address, without a port");
    return "";
  }

  std::optional<int> read_port(const YAML::Node& node) {
    const auto value = reader_.number(node, "port", 1, 65535);
    return value ? std::optional(static_cast<int>(*value)) : std::nullopt;
  }

  std::optional<http::SmtpSecurity> read_security(const YAML::Node& node) {
    const auto word = reader_.text(node, "security");
    if (!word) return std::nullopt;
    if (*word == "starttls") return http::SmtpSecurity::starttls;
    if (*word == "tls") return http::SmtpSecurity::tls;
    if (*word == "none") return http::SmtpSecurity::none;
    reader_.mistake(node.Mark(), fmt::format("unknown security '{}'{}", *word,
                                             suggestion(*word, {"starttls", "tls", "none"})));
    return std::nullopt;
  }

  void read_from(const YAML::Node& node, EmailChannel& email) {
    const auto value = line(node, "from");
    const auto open = value.rfind('<');
    email.from = value;
    if (open != std::string::npos && value.back() == '>') {
      email.from = value.substr(open + 1, value.size() - open - 2);
      email.from_name = value.substr(0, value.find_last_not_of(' ', open == 0 ? 0 : open - 1) + 1);
      if (open == 0) email.from_name.clear();
    }
    if (!value.empty() && !is_address(email.from))
      reader_.mistake(node.Mark(), "from must be name@host, or Some Name <name@host>");
  }

  void read_to(const YAML::Node& node, EmailChannel& email) {
    const auto add = [&](const YAML::Node& item) {
      const auto address = reader_.text(item, "to");
      if (address && is_address(*address)) email.to.push_back(*address);
      if (address && !is_address(*address))
        reader_.mistake(item.Mark(), "to must hold addresses such as ops@example.com");
    };
    if (!node.IsSequence()) return add(node);
    for (const auto& item : node) add(item);
    if (node.size() == 0) reader_.mistake(node.Mark(), "to needs at least one address");
  }

  std::string read_path(const YAML::Node& node) {
    const auto path = line(node, "ca_file");
    if (!path.empty() && path[0] != '/') reader_.mistake(node.Mark(), "ca_file must be an absolute path");
    return path;
  }

  YamlReader& reader_;
  AlertConfig config_ = default_config();
  std::vector<std::string> declared_;
  std::vector<std::pair<std::string, YAML::Mark>> mentioned_;
};

}  // namespace

AlertConfig read_config(const YAML::Node& root, YamlReader& reader) {
  return Parser(reader).parse(root);
}

AlertConfig parse_config(const std::string& text, const std::string& file) {
  YamlReader reader(file,
                    "the format is in docs/alerts.md; until the file is mended, alerts wait in the queue");
  const auto root = reader.load(text);
  auto config = read_config(root, reader);
  reader.finish();
  return config;
}

}  // namespace azlin::alert
