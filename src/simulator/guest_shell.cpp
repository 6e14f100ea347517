#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cctype>
#include <chrono>
#include <ctime>
#include <functional>
#include <optional>

#include "simulator/guest.hpp"

namespace azlin::simulator {
namespace {

using Words = std::vector<std::string>;

// One statement with the operator before it: ";" (always), "&&" or "||".
struct Statement {
  std::string joined_by;
  std::string text;
};

// Where the quoted or nested part that starts at `i` ends (index after it).
std::size_t skip_part(const std::string& s, std::size_t i) {
  if (s[i] == '\\') return std::min(i + 2, s.size());
  if (s[i] == '\'' || s[i] == '"') {
    const auto end = s.find(s[i], i + 1);
    return end == std::string::npos ? s.size() : end + 1;
  }
  if (s.compare(i, 2, "$(") == 0) {
    int depth = 0;
    for (; i < s.size(); ++i) {
      if (s[i] == '(') ++depth;
      if (s[i] == ')' && --depth == 0) return i + 1;
    }
    return s.size();
  }
  return i + 1;
}

std::vector<Statement> split_statements(const std::string& script) {
  std::vector<Statement> found{{";", ""}};
  for (std::size_t i = 0; i < script.size();) {
    const auto two = script.substr(i, 2);
    if (two == "&&" || two == "||") {
      found.push_back({two, ""});
      i += 2;
    } else if (script[i] == ';' || script[i] == '\n') {
      found.push_back({";", ""});
      ++i;
    } else if (script[i] == '#' && found.back().text.find_first_not_of(" \t") == std::string::npos) {
      while (i < script.size() && script[i] != '\n') ++i;
    } else {
      const auto end = skip_part(script, i);
      found.back().text += script.substr(i, end - i);
      i = end;
    }
  }
  return found;
}

class Shell {
 public:
  Shell(const Guest& guest, std::map<std::string, std::string> variables)
      : guest_(guest), variables_(std::move(variables)) {}

  ShellResult run(const std::string& script) {
    for (const auto& statement : split_statements(script)) {
      if (statement.text.find_first_not_of(" \t\r") == std::string::npos) continue;
      if (statement.joined_by == "&&" && status_ != 0) continue;
      if (statement.joined_by == "||" && status_ == 0) continue;
      execute(statement.text);
      if (ended_ || (exit_on_error_ && status_ != 0 && statement.joined_by == ";")) break;
    }
    return {out_, err_, status_};
  }

 private:
  const Guest& guest_;
  std::map<std::string, std::string> variables_;
  std::string out_, err_;
  int status_ = 0;
  bool ended_ = false, exit_on_error_ = false;

  std::string variable(const std::string& name) const {
    if (name == "?") return std::to_string(status_);
    if (name == "HOSTNAME") return guest_.hostname;
    if (name == "USER") return "root";
    if (name == "HOME") return "/root";
    const auto found = variables_.find(name);
    return found == variables_.end() ? "" : found->second;
  }

  std::string substitute(const std::string& command) {
    Shell inner(guest_, variables_);
    const auto result = inner.run(command);
    err_ += result.err;
    std::string text = result.out;
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  // Expands the `$…` at `i` and moves `i` behind it.
  std::string expand(const std::string& s, std::size_t& i) {
    if (s.compare(i, 2, "$(") == 0) {
      const auto end = skip_part(s, i);
      const auto command = s.substr(i + 2, end - i - 3);
      i = end;
      return substitute(command);
    }
    const bool braces = s.compare(i, 2, "${") == 0;
    auto end = i + (braces ? 2 : 1);
    const auto begin = end;
    if (!braces && end < s.size() && s[end] == '?')
      ++end;
    else
      while (end < s.size() &&
             (std::isalnum(static_cast<unsigned char>(s[end])) || s[end] == '_' || s[end] == '?'))
        ++end;
    const auto name = s.substr(begin, end - begin);
    i = end + (braces && end < s.size() ? 1 : 0);
    return name.empty() ? "$" : variable(name);
  }

  Words words(const std::string& s) {
    Words list;
    std::optional<std::string> word;
    for (std::size_t i = 0; i < s.size();) {
      const char c = s[i];
      if (c == ' ' || c == '\t' || c == '\r') {
        if (word) list.push_back(*std::exchange(word, std::nullopt));
        ++i;
        continue;
      }
      if (!word) word = "";
      if (c == '\'') {
        const auto end = skip_part(s, i);
        *word += s.substr(i + 1, end - i - 2);
        i = end;
      } else if (c == '"') {
        for (++i; i < s.size() && s[i] != '"';) {
          if (s[i] == '\\' && i + 1 < s.size()) {
            *word += s[i + 1];
            i += 2;
          } else if (s[i] == '$') {
            *word += expand(s, i);
          } else {
            *word += s[i++];
          }
        }
        ++i;
      } else if (c == '\\' && i + 1 < s.size()) {
        *word += s[i + 1];
        i += 2;
      } else if (c == '$') {
        *word += expand(s, i);
      } else {
        *word += c;
        ++i;
      }
    }
    if (word) list.push_back(*word);
    return list;
  }

  // Takes redirections out of `list` and applies them to what the command printed.
  void execute(const std::string& text) {
    Words list = words(text), kept;
    bool drop_out = false, drop_err = false, err_to_out = false;
    for (std::size_t i = 0; i < list.size(); ++i) {
      auto word = list[i];
      if ((word == ">" || word == "2>") && i + 1 < list.size()) word += list[++i];
      if (word == ">/dev/null" || word == "1>/dev/null")
        drop_out = true;
      else if (word == "2>/dev/null")
        drop_err = true;
      else if (word == "&>/dev/null")
        drop_out = drop_err = true;
      else if (word == "2>&1" || word == ">&2")
        (word == "2>&1" ? err_to_out : drop_out) = true;
      else
        kept.push_back(word);
    }
    if (kept.empty()) return;
    ShellResult result = assign(kept) ? ShellResult{} : command(kept);
    if (err_to_out) result.out += std::exchange(result.err, "");
    if (!drop_out) out_ += result.out;
    if (!drop_err) err_ += result.err;
    status_ = result.exit_code;
  }

  bool assign(const Words& list) {
    const auto& first = list.front() == "export" && list.size() > 1 ? list[1] : list.front();
    const auto equals = first.find('=');
    if (equals == std::string::npos || equals == 0 || first.find_first_of(" /-") < equals) return false;
    variables_[first.substr(0, equals)] = first.substr(equals + 1);
    return true;
  }

  ShellResult command(const Words& w) {
    using Builtin = ShellResult (Shell::*)(const Words&);
    static const std::map<std::string, Builtin> commands = {
        {"echo", &Shell::echo},
        {"printf", &Shell::print_format},
        {"hostname", &Shell::host_name},
        {"uptime", &Shell::uptime},
        {"uname", &Shell::kernel_name},
        {"whoami", &Shell::who},
        {"id", &Shell::who},
        {"date", &Shell::date},
        {"nproc", &Shell::cpu_count},
        {"df", &Shell::disk_free},
        {"lsblk", &Shell::disk_list},
        {"ls", &Shell::list_files},
        {"cat", &Shell::print_file},
        {"systemctl", &Shell::service},
        {"test", &Shell::test},
        {"[", &Shell::test},
        {"true", &Shell::nothing},
        {"sleep", &Shell::nothing},
        {"sync", &Shell::nothing},
        {":", &Shell::nothing},
        {"false", &Shell::fail},
        {"exit", &Shell::leave},
        {"command", &Shell::look_up},
        {"which", &Shell::look_up},
        {"set", &Shell::set_options},
        {"ssh-keyscan", &Shell::scan_keys},
    };
    for (const auto& word : w)
      if (word == "|") return {"", "sh: pipes are not simulated\n", 2};
    const auto found = commands.find(w.front());
    if (found == commands.end()) return {"", fmt::format("sh: 1: {}: not found\n", w.front()), 127};
    return (this->*found->second)(w);
  }

  static std::string unescape(const std::string& s) {
    std::string text;
    for (std::size_t i = 0; i < s.size(); ++i) {
      if (s[i] != '\\' || i + 1 == s.size()) {
        text += s[i];
        continue;
      }
      const char c = s[++i];
      text += c == 'n' ? '\n' : c == 't' ? '\t' : c;
    }
    return text;
  }

  ShellResult echo(const Words& w) {
    std::size_t i = 1;
    const bool bare = w.size() > 1 && w[1] == "-n";
    if (bare) ++i;
    std::string text;
    for (const auto begin = i; i < w.size(); ++i) text += (i == begin ? "" : " ") + w[i];
    return {text + (bare ? "" : "\n"), "", 0};
  }

  ShellResult print_format(const Words& w) {
    if (w.size() < 2) return {"", "sh: 1: printf: usage: printf format [arg ...]\n", 2};
    std::string text;
    std::size_t next = 2;
    for (std::size_t i = 0; i < w[1].size(); ++i) {
      if (w[1][i] == '%' && i + 1 < w[1].size() && (w[1][i + 1] == 's' || w[1][i + 1] == 'd')) {
        text += next < w.size() ? w[next++] : "";
        ++i;
      } else {
        text += w[1][i];
      }
    }
    return {unescape(text), "", 0};
  }

  ShellResult host_name(const Words& w) {
    if (w.size() > 1 && w[1] == "-I") return {guest_.private_ip + " \n", "", 0};
    return {guest_.hostname + "\n", "", 0};
  }

  ShellResult uptime(const Words& w) {
    const auto up = std::max<std::int64_t>(guest_.now - guest_.booted_at, 0);
    if (w.size() > 1 && w[1] == "-s")
      return {fmt::format("{:%Y-%m-%d %H:%M:%S}\n", fmt::gmtime(static_cast<std::time_t>(guest_.booted_at))),
              "", 0};
    const auto span =
        up < 3600 ? fmt::format("{} min", up / 60) : fmt::format("{}:{:02}", up / 3600, up / 60 % 60);
    return {fmt::format(" {:%H:%M:%S} up {},  0 users,  load average: 0.08, 0.03, 0.01\n",
                        fmt::gmtime(static_cast<std::time_t>(guest_.now)), span),
            "", 0};
  }

  ShellResult kernel_name(const Words& w) {
    if (w.size() > 1 && w[1] == "-a")
      return {fmt::format("Linux {} 6.1.0-18-cloud-amd64 #1 SMP Debian 6.1.76-1 x86_64 GNU/Linux\n",
                          guest_.hostname),
              "", 0};
    if (w.size() > 1 && w[1] == "-r") return {"6.1.0-18-cloud-amd64\n", "", 0};
    if (w.size() > 1 && w[1] == "-n") return {guest_.hostname + "\n", "", 0};
    return {"Linux\n", "", 0};
  }

  ShellResult who(const Words& w) {
    if (w.front() == "whoami") return {"root\n", "", 0};
    if (w.size() > 1 && w[1] == "-u") return {"0\n", "", 0};
    return {"uid=0(root) gid=0(root) groups=0(root)\n", "", 0};
  }

  ShellResult date(const Words& w) {
    const auto time = fmt::gmtime(static_cast<std::time_t>(guest_.now));
    for (const auto& word : w) {
      if (word == "+%s") return {fmt::format("{}\n", guest_.now), "", 0};
      if (word.rfind('+', 0) == 0)
        return {fmt::format(fmt::runtime("{:" + word.substr(1) + "}\n"), time), "", 0};
    }
    return {fmt::format("{:%a %b %e %H:%M:%S UTC %Y}\n", time), "", 0};
  }

  ShellResult cpu_count(const Words&) { return {fmt::format("{}\n", guest_.cores), "", 0}; }

  ShellResult disk_free(const Words&) {
    return {
        "Filesystem     1K-blocks    Used Available Use% Mounted on\n"
        "/dev/sda1      131072000 3145728 127926272   3% /\n",
        "", 0};
  }

  ShellResult disk_list(const Words&) {
    std::string text =
        "NAME   MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\nsda      8:0    0  128G  0 disk \n└─sda1   8:1    0  "
        "128G  0 part /\n";
    char letter = 'b';
    for (std::size_t i = 0; i < guest_.data_disks.size(); ++i, ++letter)
      text += fmt::format("sd{}      8:{}   0       0 disk \n", letter, 16 * (i + 1));
    return {text, "", 0};
  }

  static const std::map<std::string, std::string>& files() {
    static const std::map<std::string, std::string> table = {
        {"/etc/os-release",
         "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian "
         "GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\n"},
        {"/etc/debian_version", "12.5\n"},
        {"/etc/hostname", ""},
        {"/proc/uptime", ""},
    };
    return table;
  }

  ShellResult print_file(const Words& w) {
    ShellResult result;
    for (std::size_t i = 1; i < w.size(); ++i) {
      const auto found = files().find(w[i]);
      if (w[i] == "/etc/hostname") {
        result.out += guest_.hostname + "\n";
      } else if (w[i] == "/proc/uptime") {
        result.out += fmt::format("{}.00 0.00\n", guest_.now - guest_.booted_at);
      } else if (found != files().end()) {
        result.out += found->second;
      } else {
        result.err += fmt::format("cat: {}: No such file or directory\n", w[i]);
        result.exit_code = 1;
      }
    }
    return result;
  }

  ShellResult list_files(const Words& w) {
    static const std::map<std::string, std::string> folders = {
        {"/",
         "bin\nboot\ndev\netc\nhome\nlib\nlost+"
         "found\nmnt\nopt\nproc\nroot\nrun\nsbin\nsrv\nsys\ntmp\nusr\nvar\n"},
        {"/etc", "debian_version\nhostname\nos-release\n"},
        {"/home", "azureuser\n"},
        {"/root", ""},
        {"/tmp", ""},
    };
    std::string path = "/root";
    for (std::size_t i = 1; i < w.size(); ++i)
      if (w[i].rfind('-', 0) != 0) path = w[i];
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    const auto found = folders.find(path);
    if (found != folders.end()) return {found->second, "", 0};
    if (files().count(path)) return {path + "\n", "", 0};
    return {"", fmt::format("ls: cannot access '{}': No such file or directory\n", path), 2};
  }

  ShellResult service(const Words& w) {
    static const std::vector<std::string> active = {"ssh",     "sshd", "walinuxagent",
                                                    "waagent", "cron", "systemd-journald"};
    if (w.size() > 1 && w[1] == "is-system-running") return {"running\n", "", 0};
    if (w.size() < 3 || w[1] != "is-active") return {"", "systemctl: only is-active is simulated\n", 1};
    bool all = true, quiet = false;
    std::string text;
    for (std::size_t i = 2; i < w.size(); ++i) {
      if (w[i] == "--quiet" || w[i] == "-q") {
        quiet = true;
        continue;
      }
      auto name = w[i];
      if (name.size() > 8 && name.ends_with(".service")) name.resize(name.size() - 8);
      const bool up = std::find(active.begin(), active.end(), name) != active.end();
      text += up ? "active\n" : "inactive\n";
      all = all && up;
    }
    return {quiet ? "" : text, "", all ? 0 : 3};
  }

  // sshd of the guest answers on its own addresses; nothing else is there to answer.
  ShellResult scan_keys(const Words& w) {
    const auto& host = w.back();
    if (host != "127.0.0.1" && host != "localhost" && host != guest_.private_ip) return {"", "", 1};
    const auto key = " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFNpbXVsYXRlZEd1ZXN0SG9zdEtleTAwMDAwMDAwMDAw\n";
    return {host + key, "# " + host + ":22 SSH-2.0-OpenSSH_9.2p1\n", 0};
  }

  ShellResult test(const Words& w) {
    Words a(w.begin() + 1, w.end());
    if (w.front() == "[" && !a.empty() && a.back() == "]") a.pop_back();
    bool holds = false;
    if (a.size() == 1) holds = !a[0].empty();
    if (a.size() == 2 && a[0] == "-n") holds = !a[1].empty();
    if (a.size() == 2 && a[0] == "-z") holds = a[1].empty();
    if (a.size() == 2 && (a[0] == "-f" || a[0] == "-e")) holds = files().count(a[1]) > 0;
    if (a.size() == 2 && (a[0] == "-d" || a[0] == "-e"))
      holds = holds || list_files({"ls", a[1]}).exit_code == 0;
    if (a.size() == 3 && (a[1] == "=" || a[1] == "==")) holds = a[0] == a[2];
    if (a.size() == 3 && a[1] == "!=") holds = a[0] != a[2];
    if (a.size() == 3 && a[1] == "-eq") holds = a[0] == a[2];
    if (a.size() == 3 && a[1] == "-ne") holds = a[0] != a[2];
    return {"", "", holds ? 0 : 1};
  }

  ShellResult look_up(const Words& w) {
    static const std::vector<std::string> programs = {"echo", "hostname", "uptime", "uname", "date",
                                                      "df",   "lsblk",    "ls",     "cat",   "systemctl"};
    const auto& name = w.back();
    if (w.size() > 1 && std::find(programs.begin(), programs.end(), name) != programs.end())
      return {"/usr/bin/" + name + "\n", "", 0};
    return {"", "", 127};
  }

  ShellResult set_options(const Words& w) {
    for (const auto& word : w)
      if (word.rfind('-', 0) == 0 && word.find('e') != std::string::npos) exit_on_error_ = true;
    return {};
  }

  ShellResult leave(const Words& w) {
    ended_ = true;
    return {"", "", w.size() > 1 ? std::atoi(w[1].c_str()) : status_};
  }

  ShellResult nothing(const Words&) { return {}; }
  ShellResult fail(const Words&) { return {"", "", 1}; }
};

}  // namespace

ShellResult run_shell(const Guest& guest, const std::vector<std::string>& script,
                      const std::map<std::string, std::string>& parameters) {
  std::string text;
  for (const auto& line : script) text += line + "\n";
  return Shell(guest, parameters).run(text);
}

std::string run_command_message(const ShellResult& result) {
  constexpr std::size_t kKept = 4096;
  const auto tail = [](const std::string& s) { return s.size() <= kKept ? s : s.substr(s.size() - kKept); };
  return "Enable succeeded: \n[stdout]\n" + tail(result.out) + "\n[stderr]\n" + tail(result.err);
}

}  // namespace azlin::simulator
