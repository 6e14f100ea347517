#pragma once
// How long archives are kept, and which ones go.
#include <string>
#include <string_view>
#include <vector>

#include "azlin/core/clock.hpp"

namespace azlin::archive {

// "30d", "12w", "12m" or "2y"; "30 days" as well. Months and years are those of the calendar.
class Retention {
 public:
  // Throws core::Error (usage): another form, zero, or over 100 years.
  static Retention parse(std::string_view text);

  // As restic's --keep-within takes it. It knows no weeks (restic 0.14: "invalid unit 'w'"), so 12w is 84d.
  std::string keep_within() const;
  // `time` less this long. A day that the earlier month lacks becomes its last.
  core::TimePoint before(core::TimePoint time) const;
  // As it was written: "12w".
  const std::string& text() const { return text_; }

 private:
  int days_ = 0, months_ = 0, years_ = 0;  // one of them is set
  std::string text_;
};

// One archive as retention sees it.
struct Kept {
  std::string id;
  std::string name;  // archives of different names do not count for each other
  core::TimePoint taken_at;
  bool complete = true;  // false: what a run left that did not end
};

struct Judged {
  Kept archive;
  bool keep = true;
  std::string reason;  // "newest of etc", "within 30d of the newest", "older than 30d", …
};

// A verdict for each archive, newest first. Pure. As restic does, it counts back from the newest complete
// archive of a name and not from today, so archives that stopped being made do not vanish one by one. The
// newest complete one of each name always stays. An incomplete one goes when a complete one is newer and
// `now` is a day past it, so that a run in progress is never touched.
std::vector<Judged> judge(std::vector<Kept> archives, const Retention& retention, core::TimePoint now);

}  // namespace azlin::archive
