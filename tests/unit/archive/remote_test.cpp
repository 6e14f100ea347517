#include "azlin/archive/remote.hpp"

#include <gtest/gtest.h>

#include "azlin/core/error.hpp"

namespace azlin::archive {
namespace {

TEST(RemoteTargetTest, AFolderHereIsNone) {
  for (const auto* text : {"/restore", "restore", "./a:b", "/a:b", "/u@h/x", ""})
    EXPECT_FALSE(parse_remote_target(text)) << text;
}

TEST(RemoteTargetTest, HostAndFolder) {
  struct Row {
    const char *text, *host, *folder;
  };
  for (const Row& row :
       {Row{"new-vm:/restore", "new-vm", "/restore"}, Row{"root@10.0.0.5:back", "root@10.0.0.5", "back"},
        Row{"ssh://root@host/srv/x", "root@host", "/srv/x"}, Row{"h:/a:b", "h", "/a:b"}}) {
    const auto target = parse_remote_target(row.text);
    ASSERT_TRUE(target) << row.text;
    EXPECT_EQ(target->host, row.host);
    EXPECT_EQ(target->folder, row.folder);
  }
}

TEST(RemoteTargetTest, RefusesWhatSshOrAShellWouldTakeForSomethingElse) {
  for (const auto* text : {"root@new-vm", "host:", ":/x", "-oProxyCommand=x:/y", "a b:/x", "h;rm:/x",
                           "ssh://host", "ssh://host:22/x", "h:/x\ny", "ssh:///x"}) {
    try {
      parse_remote_target(text);
      ADD_FAILURE() << text;
    } catch (const core::Error& error) {
      EXPECT_EQ(error.kind(), core::ErrorKind::usage) << text;
    }
  }
}

}  // namespace
}  // namespace azlin::archive
