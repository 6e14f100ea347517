// One field of one of the service's answers is missing or of another type. The command ends with an exit code
// that is documented, never by an exception that nobody caught; recovery finds its way; nothing is destroyed.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "inspect.hpp"
#include "support/fault_places.hpp"

namespace azlin::crash {
namespace {

struct Workflow {
  const char* command;
  const std::string& (*state)();
  std::set<std::string> may_go = {};  // sets that it deletes where all is well
  const char* then = nullptr;  // what runs next in any case, and goes on with a deletion that broke off
};

void PrintTo(const Workflow& workflow, std::ostream* out) {
  *out << workflow.command;
}

bool full() {
  return std::getenv("AZLIN_TEST_FULL") != nullptr;
}

using Json = nlohmann::json;

// Which answer is damaged: the n-th of all, another one in each run, in the full form alone.
std::vector<Json> places(Scene& scene, const Outcome& whole) {
  if (!full()) return test::fault_places(scene.simulator().admin("GET", "requests").at("requests"));
  std::vector<Json> out;
  for (std::uint64_t n = 0; n < whole.report.at("requests").get<std::uint64_t>(); ++n)
    out.push_back({{"skip", n}});
  return out;
}

class CorruptAnswersTest : public testing::TestWithParam<Workflow> {};

TEST_P(CorruptAnswersTest, EndsInOrderAndDestroysNothing) {
  const Workflow& workflow = GetParam();
  Scene well(workflow.state());
  const auto whole = well.run(workflow.command);
  ASSERT_EQ(whole.code, 0) << whole.err;
  const auto choice = places(well, whole);
  ASSERT_FALSE(choice.empty());
  const std::uint64_t runs = full() ? 300 : 10;
  std::uint64_t damaged = 0;
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    Scene scene(workflow.state());
    const auto before = look(scene.simulator());
    Json rule = choice[seed * 7919 % choice.size()];
    rule["count"] = 1;
    rule["corrupt"] = seed;
    const auto fault = scene.simulator().add_fault(rule);
    const auto outcome = scene.run(workflow.command);
    const auto faults = scene.simulator().admin("GET", "faults").at("faults");
    const std::string when =
        fmt::format("{} with {}, seed {}: {} {}", workflow.command, faults.at(0).at("corrupted").dump(), seed,
                    outcome.code, outcome.err);
    damaged += faults.at(0).at("corrupted") == "" ? 0 : 1;
    scene.simulator().admin("DELETE", fmt::format("faults/{}", fault));
    EXPECT_TRUE(outcome.code >= 0 && outcome.code <= 7) << when;
    EXPECT_THAT(outcome.err, testing::Not(testing::HasSubstr("json.exception"))) << when;
    scene.simulator().advance("10m");
    const auto recovered = scene.run("recover");
    EXPECT_EQ(recovered.code, 0) << when << "; recover: " << recovered.err;
    if (workflow.then != nullptr) {
      EXPECT_EQ(scene.run(workflow.then).code, 0) << when;
    }
    EXPECT_THAT(wrong_with(look(scene.simulator()), before, workflow.may_go, false),
                testing::IsSubsetOf(wrong_with(before, before, {}, false)))
        << when << "; recover: " << recovered.err;
  }
  EXPECT_GE(damaged, runs / 2) << "the requests are other ones";
}

INSTANTIATE_TEST_SUITE_P(
    Commands, CorruptAnswersTest,
    testing::Values(Workflow{"trigger",
                             base_state,
                             {"web-backup-daily-20251202-0800", "web-backup-daily-20251203-0800",
                              "web-backup-daily-20251204-0800"},
                             "cleanup"},
                    Workflow{"list", base_state}, Workflow{"restore", base_state},
                    Workflow{"restore-new-vm", base_state}, Workflow{"verify", base_state},
                    Workflow{"replicate", base_state}, Workflow{"drill", replicated_state}),
    [](const auto& tested) {
      std::string name = tested.param.command;
      std::erase(name, '-');
      return name;
    });

}  // namespace
}  // namespace azlin::crash
