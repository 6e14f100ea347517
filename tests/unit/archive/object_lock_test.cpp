#include "azlin/archive/object_lock.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "archive/s3_client.hpp"
#include "azlin/core/error.hpp"
#include "support/scripted_transport.hpp"
#include "support/temp_dir.hpp"

namespace azlin::archive {
namespace {

using test::reply;

const S3Credentials kExample{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};

std::string signature_of(const std::string& url, const S3Credentials& credentials = kExample) {
  http::Request request{.url = url};
  sign_s3(request, credentials, "us-east-1", *core::parse_time("2013-05-24T00:00:00Z"));
  const auto found = http::Response{.headers = request.headers}.header("Authorization").value_or("");
  return found.substr(found.find("Signature=") + 10);
}

// The examples of "Authenticating Requests: Using the Authorization Header" in the S3 API Reference.
TEST(SignS3Test, SignsAsTheServicesOwnExamples) {
  EXPECT_EQ(signature_of("https://examplebucket.s3.amazonaws.com/?lifecycle="),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(signature_of("https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J"),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SignS3Test, TheSchemesOwnPortIsNoPartOfTheHost) {
  const auto plain = signature_of("https://host/b?x=");
  EXPECT_EQ(signature_of("https://host:443/b?x="), plain);
  EXPECT_NE(signature_of("https://host:9000/b?x="), plain);
  EXPECT_NE(signature_of("https://host/b?x=", {kExample.key_id, kExample.secret, "session"}), plain);
}

std::string lock_xml(const std::string& retention) {
  return R"(<?xml version="1.0"?><ObjectLockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">)"
         "<ObjectLockEnabled>Enabled</ObjectLockEnabled>" +
         retention + "</ObjectLockConfiguration>";
}
std::string rule(const std::string& mode, const std::string& period) {
  return "<Rule><DefaultRetention><Mode>" + mode + "</Mode>" + period + "</DefaultRetention></Rule>";
}
const char* const kVersioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const std::string kSuspended =
    "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";

struct Bucket {
  const char* name;
  std::optional<std::string> lock, versioning;
  ObjectLock asked;
  const char* lack;  // a part of it; null: the bucket gives what is asked for
};
class BucketLockTest : public ::testing::TestWithParam<Bucket> {};

TEST_P(BucketLockTest, IsMeasuredAgainstWhatIsAskedFor) {
  const auto& bucket = GetParam();
  const auto lack = lack_of(read_bucket_lock(bucket.lock, bucket.versioning), bucket.asked);
  if (bucket.lack == nullptr)
    EXPECT_FALSE(lack) << *lack;
  else
    EXPECT_NE(lack.value_or("nothing").find(bucket.lack), std::string::npos) << lack.value_or("nothing");
}

INSTANTIATE_TEST_SUITE_P(
    All, BucketLockTest,
    ::testing::Values(
        Bucket{"enough",
               lock_xml(rule("COMPLIANCE", "<Days>30</Days>")),
               kVersioned,
               {"compliance", 30},
               nullptr},
        Bucket{
            "more", lock_xml(rule("GOVERNANCE", "<Days>31</Days>")), kVersioned, {"governance", 30}, nullptr},
        Bucket{"years", lock_xml(rule("GOVERNANCE", "<Years>1</Years>")), kVersioned, {"", 365}, nullptr},
        Bucket{"none", std::nullopt, kVersioned, {"", 1}, "no object lock"},
        Bucket{"no_versions",
               lock_xml(rule("GOVERNANCE", "<Days>9</Days>")),
               kSuspended,
               {"", 1},
               "no versions"},
        Bucket{"no_default", lock_xml(""), kVersioned, {"", 1}, "no default retention"},
        Bucket{"other_mode",
               lock_xml(rule("GOVERNANCE", "<Days>30</Days>")),
               kVersioned,
               {"compliance", 30},
               "mode governance, not compliance"},
        Bucket{"too_short",
               lock_xml(rule("COMPLIANCE", "<Days>29</Days>")),
               kVersioned,
               {"compliance", 30},
               "29 days, not 30 days"}),
    [](const auto& test) { return test.param.name; });

class LockedBucketTest : public ::testing::Test {
 protected:
  static Destination destination(const std::string& address = "s3:https://store.example/bucket/a b") {
    const core::Env env({{"AWS_ACCESS_KEY_ID", "id"}, {"AWS_SECRET_ACCESS_KEY", "secret"}});
    DestinationSettings settings;
    settings.object_lock = ObjectLock{"compliance", 30};
    return parse_destination(address, env, settings);
  }
  void expect_settings(const std::string& lock) {
    transport.expect("GET", "/bucket?object-lock=", reply(200, lock));
    transport.expect("GET", "/bucket?versioning=", reply(200, kVersioned));
  }
  static std::string listing(const std::vector<std::string>& keys, const std::string& more = {}) {
    std::string out = "<ListBucketResult>";
    for (const auto& key : keys) out += "<Contents><Key>" + key + "</Key></Contents>";
    out += more.empty()
               ? "<IsTruncated>false</IsTruncated>"
               : "<IsTruncated>true</IsTruncated><NextContinuationToken>" + more + "</NextContinuationToken>";
    return out + "</ListBucketResult>";
  }
  static http::Response held(const std::string& until, const std::string& mode = "COMPLIANCE") {
    return reply(200, "",
                 {{"Last-Modified", "Mon, 01 Dec 2025 08:00:00 GMT"},
                  {"x-amz-object-lock-mode", mode},
                  {"x-amz-object-lock-retain-until-date", until}});
  }

  test::ScriptedTransport transport;
  core::Env env;
};

TEST_F(LockedBucketTest, ABucketThatGivesLessIsRefusedWithTheCommandThatMendsIt) {
  expect_settings(lock_xml(rule("COMPLIANCE", "<Days>7</Days>")));
  LockedBucket bucket(destination(), env, transport);
  try {
    bucket.require({});
    FAIL() << "accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::usage);
    EXPECT_NE(error.hint().find("aws s3api put-object-lock-configuration --bucket bucket --endpoint-url "
                                "https://store.example"),
              std::string::npos)
        << error.hint();
    EXPECT_NE(error.hint().find(R"("Mode":"COMPLIANCE","Days":30)"), std::string::npos) << error.hint();
  }
}

TEST_F(LockedBucketTest, AMissingBucketIsNotLeftToTheEngine) {
  transport.expect("GET", "object-lock=", reply(404, "<Error><Code>NoSuchBucket</Code></Error>"));
  LockedBucket bucket(destination(), env, transport);
  try {
    bucket.require({});
    FAIL() << "accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::not_found);
    EXPECT_NE(error.hint().find("--object-lock-enabled-for-bucket"), std::string::npos) << error.hint();
  }
}

TEST_F(LockedBucketTest, WhatMayNotBeReadIsNotTakenForLocked) {
  transport.expect("GET", "object-lock=", reply(403, "<Error><Code>AccessDenied</Code></Error>"));
  LockedBucket bucket(destination(), env, transport);
  try {
    bucket.require({});
    FAIL() << "accepted";
  } catch (const core::Error& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::unauthorized);
  }
}

TEST_F(LockedBucketTest, ProvesEachNewObjectAndLeavesTheEnginesLocksOut) {
  LockedBucket bucket(destination(), env, transport);
  transport.expect("GET", "/bucket?list-type=2&prefix=a%20b%2F", reply(200, listing({"a b/config"})));
  EXPECT_EQ(bucket.remember({}), 1U);
  transport.expect("GET", "/bucket?list-type=2", reply(200, listing({"a b/config", "a b/data/1"}, "on/1=")));
  transport.expect("GET", "/bucket?continuation-token=on%2F1%3D&list-type=2",
                   reply(200, listing({"a b/locks/9", "a b/snapshots/2"})));
  transport.any_order();
  transport.expect("HEAD", "/bucket/a%20b/data/1", held("2025-12-31T08:00:00Z"));
  transport.expect("HEAD", "/bucket/a%20b/snapshots/2", held("2026-01-01T00:00:00.000Z"));
  const auto proof = bucket.prove_new({});
  EXPECT_EQ(proof.objects, 2U);
  EXPECT_TRUE(proof.not_held.empty());
  ASSERT_TRUE(proof.until);
  EXPECT_EQ(core::to_iso8601(*proof.until), "2025-12-31T08:00:00Z");
}

struct Fault {
  const char* name;
  http::Response head;
  const char* part;
};
class UnheldObjectTest : public LockedBucketTest, public ::testing::WithParamInterface<Fault> {};

TEST_P(UnheldObjectTest, IsNamed) {
  LockedBucket bucket(destination(), env, transport);
  transport.expect("GET", "list-type=2", reply(200, listing({"a b/data/1"})));
  transport.expect("HEAD", "/bucket/a%20b/data/1", GetParam().head);
  const auto proof = bucket.prove_new({});
  ASSERT_EQ(proof.not_held.size(), 1U);
  EXPECT_NE(proof.not_held[0].find("a b/data/1: "), std::string::npos);
  EXPECT_NE(proof.not_held[0].find(GetParam().part), std::string::npos) << proof.not_held[0];
  EXPECT_FALSE(proof.until);
}

const http::Headers kWritten = {{"Last-Modified", "Mon, 01 Dec 2025 08:00:00 GMT"}};
http::Headers with(http::Headers more) {
  more.insert(more.end(), kWritten.begin(), kWritten.end());
  return more;
}
INSTANTIATE_TEST_SUITE_P(
    All, UnheldObjectTest,
    ::testing::Values(Fault{"no_retention", reply(200, "", kWritten), "no retention"},
                      Fault{"a_day_short",
                            reply(200, "",
                                  with({{"x-amz-object-lock-mode", "COMPLIANCE"},
                                        {"x-amz-object-lock-retain-until-date", "2025-12-30T08:00:00Z"}})),
                            "until 2025-12-30 08:00:00 only"},
                      Fault{"other_mode",
                            reply(200, "",
                                  with({{"x-amz-object-lock-mode", "GOVERNANCE"},
                                        {"x-amz-object-lock-retain-until-date", "2026-12-31T07:59:59Z"}})),
                            "mode is governance"},
                      Fault{"no_date",
                            reply(200, "",
                                  with({{"x-amz-object-lock-mode", "COMPLIANCE"},
                                        {"x-amz-object-lock-retain-until-date", "later"}})),
                            "no retention"}),
    [](const auto& test) { return test.param.name; });

// Some stores count from the begin of the upload, and date the object at its end.
TEST_F(LockedBucketTest, TheTimeOfTheUploadIsNoShortLock) {
  LockedBucket bucket(destination(), env, transport);
  transport.expect("GET", "list-type=2", reply(200, listing({"a b/data/1"})));
  transport.expect("HEAD", "data/1",
                   reply(200, "",
                         with({{"x-amz-object-lock-mode", "COMPLIANCE"},
                               {"x-amz-object-lock-retain-until-date", "2025-12-31T07:30:00Z"}})));
  EXPECT_TRUE(bucket.prove_new({}).not_held.empty());
}

TEST_F(LockedBucketTest, AnObjectThatIsGoneIsAnError) {
  LockedBucket bucket(destination(), env, transport);
  transport.expect("GET", "list-type=2", reply(200, listing({"a b/data/1"})));
  transport.expect("HEAD", "data/1", reply(404));
  EXPECT_THROW(bucket.prove_new({}), core::Error);
}

TEST_F(LockedBucketTest, ABucketOfAnotherRegionIsAskedThere) {
  LockedBucket bucket(destination("s3://bucket/p"), env, transport);
  transport.expect(
      "GET", "https://bucket.s3.amazonaws.com/?object-lock=",
      reply(400, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"));
  transport.expect("GET", "https://bucket.s3.eu-west-1.amazonaws.com/?object-lock=",
                   reply(200, lock_xml(rule("COMPLIANCE", "<Days>30</Days>"))));
  transport.expect("GET", "https://bucket.s3.eu-west-1.amazonaws.com/?versioning=", reply(200, kVersioned));
  bucket.require({});
}

TEST(S3CredentialsTest, AreThoseOfTheEngine) {
  test::TempDir dir;
  std::ofstream(dir.file("credentials"))
      << "[default]\naws_access_key_id = A\naws_secret_access_key = B\n\n[other]\n"
         "aws_access_key_id=C\n# aws_secret_access_key=no\naws_secret_access_key=D=\n";
  const auto of = [&](std::map<std::string, std::string> variables) {
    Destination destination;
    destination.env = std::move(variables);
    return find_s3_credentials(destination, core::Env());
  };
  EXPECT_EQ(of({{"AWS_ACCESS_KEY_ID", "I"}, {"AWS_SECRET_ACCESS_KEY", "S"}}).secret, "S");
  EXPECT_EQ(of({{"AWS_SHARED_CREDENTIALS_FILE", dir.file("credentials")}}).secret, "B");
  EXPECT_EQ(of({{"AWS_SHARED_CREDENTIALS_FILE", dir.file("credentials")}, {"AWS_PROFILE", "other"}}).secret,
            "D=");
  EXPECT_THROW(of({{"AWS_SHARED_CREDENTIALS_FILE", dir.file("nothing")}}), core::Error);
}

}  // namespace
}  // namespace azlin::archive
