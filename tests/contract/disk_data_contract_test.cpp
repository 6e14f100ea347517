#include "contract/disk_support.hpp"

namespace azlin::test {
namespace {

constexpr std::uint64_t kDiskBytes = 64ull << 20;

class DiskDataContractTest : public DiskFixture {
 protected:
  HttpReply begin_access(const std::string& resource, const json& body) {
    return sim_.arm("POST", url(resource, "beginGetAccess"), body);
  }
  static HttpReply page_list(const std::string& sas, const std::string& query = "",
                             std::multimap<std::string, std::string> headers = {}) {
    if (!headers.contains("x-ms-version")) headers.emplace("x-ms-version", "2020-10-02");
    return http_call("GET", sas + "&comp=pagelist" + query, "", headers);
  }
  static std::string page(const char* tag, std::uint64_t start, std::uint64_t end) {
    return std::string("<") + tag + "><Start>" + std::to_string(start) + "</Start><End>" +
           std::to_string(end) + "</End></" + tag + ">";
  }
  static void expect_storage_error(const HttpReply& reply, int status, const std::string& code) {
    EXPECT_EQ(reply.status, status) << reply.body;
    EXPECT_EQ(reply.header("x-ms-error-code"), code) << reply.body;
    EXPECT_NE(reply.body.find("<Code>" + code + "</Code>"), std::string::npos) << reply.body;
  }
};

// "beginGetAccess: 202, empty body. Operation: properties.output.accessSAS; or GET Location: 200 {accessSAS}.
// diskState ActiveSAS; endGetAccess 202, then Unattached; its Location ends in 200."
TEST_F(DiskDataContractTest, AccessIsGrantedAndEnded) {
  make(disk_id("d"), empty_disk());
  const auto started = begin_access(disk_id("d"), {{"access", "Read"}, {"durationInSeconds", 60}});
  EXPECT_EQ(started.status, 202);
  EXPECT_EQ(started.body, "");
  const auto sas = sim_.finish(started).json()["properties"]["output"]["accessSAS"].get<std::string>();
  EXPECT_EQ(sas.find(sim_.url() + "/_sas/md-"), 0u);
  EXPECT_EQ(sim_.arm("GET", started.header("location")).json()["accessSAS"], sas);
  EXPECT_EQ(get(disk_id("d"))["properties"]["diskState"], "ActiveSAS");
  EXPECT_EQ(grant(disk_id("d")), sas);  // "granting again extends, same URL"
  EXPECT_EQ(read_range(sas, 0, 511).status, 206);
  const auto ended = sim_.arm("POST", url(disk_id("d"), "endGetAccess"));
  EXPECT_EQ(ended.status, 202);
  EXPECT_EQ(sim_.arm("GET", ended.header("location")).status, 200);
  EXPECT_EQ(get(disk_id("d"))["properties"]["diskState"], "Unattached");
  expect_storage_error(read_range(sas, 0, 511), 403, "AuthenticationFailed");
}

// "Content-Length = diskSizeBytes + 512; the last 512 bytes are a fixed-VHD footer."
TEST_F(DiskDataContractTest, BlobIsAFixedVhd) {
  make_uploaded("u", std::string(512, 'x'));
  const auto sas = grant(disk_id("u"));
  const auto head = http_call("HEAD", sas, "", {});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), std::to_string(kDiskBytes + 512));
  EXPECT_EQ(head.header("x-ms-blob-type"), "PageBlob");
  const auto footer = read_range(sas, kDiskBytes, kDiskBytes + 511);
  EXPECT_EQ(footer.header("content-range"), "bytes 67108864-67109375/67109376");
  EXPECT_EQ(footer.body.size(), 512u);
  EXPECT_EQ(footer.body.substr(0, 8), "conectix");
  const auto whole = http_call("GET", sas, "", {});
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.body.size(), kDiskBytes + 512);
  EXPECT_EQ(whole.body.substr(0, 513), std::string(512, 'x') + '\0');
}

TEST_F(DiskDataContractTest, RangesAreExact) {
  make_uploaded("u", std::string(512, 'a') + std::string(512, 'b'));
  const auto sas = grant(disk_id("u"));
  EXPECT_EQ(read_range(sas, 510, 513).body, "aabb");
  EXPECT_EQ(http_call("GET", sas, "", {{"x-ms-range", "bytes=1022-1025"}}).body, std::string("bb\0\0", 4));
  // Over the border between the disk and its footer.
  EXPECT_EQ(read_range(sas, kDiskBytes - 2, kDiskBytes + 7).body, std::string("\0\0conectix", 10));
  const auto last = http_call("GET", sas, "", {{"Range", "bytes=67109374-"}});
  EXPECT_EQ(last.status, 206);
  EXPECT_EQ(last.body.size(), 2u);
  EXPECT_EQ(last.header("x-ms-version"), "2018-03-28");
  expect_storage_error(read_range(sas, kDiskBytes + 512, kDiskBytes + 600), 416, "InvalidRange");
  expect_storage_error(http_call("GET", sas, "", {{"x-ms-range", "bytes=9-1"}}), 416, "InvalidRange");
}

// "Expired: 403 AuthenticationFailed, XML, x-ms-error-code." The signature counts, too.
TEST_F(DiskDataContractTest, SignatureAndTimeAreChecked) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  make(disk_id("d"), empty_disk());
  const auto sas = grant(disk_id("d"), "Read", 60);
  const auto cut = sas.substr(0, sas.find("&sig="));
  expect_storage_error(read_range(cut, 0, 511), 403, "AuthenticationFailed");
  expect_storage_error(read_range(cut + "&sig=AAAA", 0, 511), 403, "AuthenticationFailed");
  expect_storage_error(read_range(sim_.url() + "/_sas/md-x/y/abcd?sv=2018-03-28&sr=b&si=a&sig=b", 0, 511),
                       403, "AuthenticationFailed");
  sim_.advance("59s");
  EXPECT_EQ(read_range(sas, 0, 511).status, 206);
  grant(disk_id("d"), "Read", 60);
  sim_.advance("59s");
  EXPECT_EQ(read_range(sas, 0, 511).status, 206);
  sim_.advance("2s");
  expect_storage_error(read_range(sas, 0, 511), 403, "AuthenticationFailed");
  EXPECT_EQ(get(disk_id("d"))["properties"]["diskState"], "Unattached");
}

// "Max 5,184,000 s (60 days)"; access and duration are required.
TEST_F(DiskDataContractTest, BadGrantsAreRefused) {
  make(disk_id("d"), empty_disk());
  for (const json& body : {json{{"access", "Read"}}, json{{"durationInSeconds", 60}},
                           json{{"access", "Read"}, {"durationInSeconds", 0}},
                           json{{"access", "Read"}, {"durationInSeconds", 5'184'001}},
                           json{{"access", "Execute"}, {"durationInSeconds", 60}},
                           json{{"access", "Read"}, {"durationInSeconds", 60}, {"fileFormat", "VHDX"}}}) {
    const auto reply = begin_access(disk_id("d"), body);
    EXPECT_EQ(reply.status, 400) << body.dump();
    EXPECT_EQ(reply.error_code(), "InvalidParameter") << body.dump();
  }
  EXPECT_EQ(begin_access(disk_id("d"), {{"access", "Write"}, {"durationInSeconds", 60}}).error_code(),
            "OperationNotAllowed");
  EXPECT_EQ(begin_access(disk_id("none"), {{"access", "Read"}, {"durationInSeconds", 60}}).status, 404);
}

// "DenyAll forbids export."
TEST_F(DiskDataContractTest, DenyAllForbidsExport) {
  auto body = empty_disk();
  body["properties"]["networkAccessPolicy"] = "DenyAll";
  make(disk_id("d"), body);
  EXPECT_EQ(begin_access(disk_id("d"), {{"access", "Read"}, {"durationInSeconds", 60}}).error_code(),
            "OperationNotAllowed");
}

// "Delete with an active SAS is refused."
TEST_F(DiskDataContractTest, DeleteWithAnActiveSasIsRefused) {
  make(disk_id("d"), empty_disk());
  make(snapshot_id("s"), incremental_of(disk_id("d")));
  for (const auto& resource : {disk_id("d"), snapshot_id("s")}) {
    grant(resource);
    const auto reply = sim_.arm("DELETE", url(resource));
    EXPECT_EQ(reply.status, 409);
    EXPECT_EQ(reply.error_code(), "OperationNotAllowed");
    revoke(resource);
    EXPECT_EQ(sim_.arm("DELETE", url(resource)).status, 202);
  }
}

// "SAS on ≤ 5 of a family at once."
TEST_F(DiskDataContractTest, FiveSnapshotsOfAFamilyAtOnce) {
  make(disk_id("d"), empty_disk());
  for (int i = 0; i < 6; ++i) make(snapshot_id("s" + std::to_string(i)), incremental_of(disk_id("d")));
  for (int i = 0; i < 5; ++i) grant(snapshot_id("s" + std::to_string(i)));
  const auto sixth = begin_access(snapshot_id("s5"), {{"access", "Read"}, {"durationInSeconds", 60}});
  EXPECT_EQ(sixth.status, 409);
  EXPECT_EQ(sixth.error_code(), "OperationNotAllowed");
  revoke(snapshot_id("s0"));
  grant(snapshot_id("s5"));
}

// "comp=pagelist gives XML, End inclusive; the rest is zeros." Paged by maxresults and marker from 2020-10-02
// on.
TEST_F(DiskDataContractTest, PageRangesAreExactAndPaged) {
  make_uploaded("u", std::string(1024, 'a'));
  const auto sas = [&] {
    make(snapshot_id("s"), incremental_of(disk_id("u")));
    return grant(snapshot_id("s"));
  }();
  const auto footer = page("PageRange", kDiskBytes, kDiskBytes + 511);
  EXPECT_EQ(page_list(sas).body, "<?xml version=\"1.0\" encoding=\"utf-8\"?><PageList>" +
                                     page("PageRange", 0, 1023) + footer + "<NextMarker /></PageList>");
  EXPECT_EQ(page_list(sas).header("x-ms-blob-content-length"), std::to_string(kDiskBytes + 512));
  EXPECT_NE(page_list(sas, "", {{"Range", "bytes=512-1535"}}).body.find(page("PageRange", 512, 1023)),
            std::string::npos);
  const auto first = page_list(sas, "&maxresults=1").body;
  EXPECT_NE(first.find(page("PageRange", 0, 1023) + "<NextMarker>"), std::string::npos) << first;
  const auto begin = first.find("<NextMarker>") + 12;
  const auto marker = first.substr(begin, first.find("</NextMarker>") - begin);
  const auto second = page_list(sas, "&maxresults=1&marker=" + marker).body;
  EXPECT_NE(second.find("<PageList>" + footer + "<NextMarker />"), std::string::npos) << second;
  const auto old = page_list(sas, "&maxresults=1", {{"x-ms-version", "2019-04-19"}}).body;
  EXPECT_NE(old.find(footer + "</PageList>"), std::string::npos) << old;
  expect_storage_error(page_list(sas, "&maxresults=0"), 400, "OutOfRangeQueryParameterValue");
  expect_storage_error(page_list(sas, "&marker=x"), 400, "InvalidQueryParameterValue");
  expect_storage_error(http_call("GET", sas + "&comp=blocklist", "", {}), 400, "InvalidQueryParameterValue");
}

// The snapshots `one` and `two` of the disk `u`, which did not change in between.
class DiskDifferenceContractTest : public DiskDataContractTest {
 protected:
  DiskDifferenceContractTest() {
    make_uploaded("u", std::string(1024, 'a'));
    make(snapshot_id("one"), incremental_of(disk_id("u")));
    make(snapshot_id("two"), incremental_of(disk_id("u")));
  }
  HttpReply difference(const std::string& newer, const std::string& older,
                       const std::string& version = "2020-10-02") {
    return page_list(grant(newer), "",
                     {{"x-ms-version", version}, {"x-ms-previous-snapshot-url", grant(older)}});
  }
};

// "Changed: the same on the new SAS with x-ms-previous-snapshot-url, x-ms-version ≥ 2019-04-19."
TEST_F(DiskDifferenceContractTest, UnchangedSnapshotsDoNotDiffer) {
  const auto reply = difference(snapshot_id("two"), snapshot_id("one"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find("<PageList><NextMarker /></PageList>"), std::string::npos) << reply.body;
  expect_storage_error(difference(snapshot_id("two"), snapshot_id("one"), "2018-11-09"), 400,
                       "UnsupportedHeader");
}

// "Adds ClearRange (now zero), interleaved." What a guest writes is put there by the admin endpoint.
TEST_F(DiskDifferenceContractTest, WritesOfTheGuestAreTheDifference) {
  sim_.admin("POST", "disk-writes",
             {{"resource", disk_id("u")}, {"offset", 8192}, {"fill", "z"}, {"length", 1024}});
  sim_.admin("POST", "disk-writes",
             {{"resource", disk_id("u")}, {"offset", 512}, {"clear", true}, {"length", 512}});
  make(snapshot_id("three"), incremental_of(disk_id("u")));
  const auto reply = difference(snapshot_id("three"), snapshot_id("two"));
  EXPECT_NE(reply.body.find("<PageList>" + page("ClearRange", 512, 1023) + page("PageRange", 8192, 9215) +
                            "<NextMarker />"),
            std::string::npos)
      << reply.body;
  EXPECT_EQ(read_range(grant(snapshot_id("three")), 8190, 8193).body, std::string("\0\0zz", 4));
  EXPECT_EQ(read_range(grant(snapshot_id("two")), 510, 513).body, "aaaa");
  expect_storage_error(difference(snapshot_id("two"), snapshot_id("three")), 400,
                       "PreviousSnapshotCannotBeNewer");
}

// "Same incrementalSnapshotFamilyId, so never against a copy in another region"; managed disks only.
TEST_F(DiskDifferenceContractTest, OnlyWithinAFamilyAndForwards) {
  make_uploaded("other", std::string(512, 'b'));
  make(snapshot_id("stranger"), incremental_of(disk_id("other")));
  make(snapshot_id("full"), copy_of(disk_id("u")));
  expect_storage_error(difference(snapshot_id("two"), snapshot_id("stranger")), 409,
                       "PreviousSnapshotNotFound");
  expect_storage_error(difference(snapshot_id("full"), snapshot_id("one")), 409, "PreviousSnapshotNotFound");
  make(snapshot_id("remote"), remote_copy_of(snapshot_id("one")));
  expect_storage_error(difference(snapshot_id("two"), snapshot_id("remote")), 409,
                       "PreviousSnapshotNotFound");
  const auto sas = grant(snapshot_id("two"));
  expect_storage_error(
      page_list(sas, "", {{"x-ms-previous-snapshot-url", "https://a.blob.core.windows.net/c/b?snapshot=1"}}),
      400, "UnsupportedHeaderForNonManagedDisksAccount");
  expect_storage_error(page_list(sas, "", {{"x-ms-previous-snapshot-url", grant(snapshot_id("one")) + "x"}}),
                       403, "AuthenticationFailed");
}

class DiskUploadContractTest : public DiskDataContractTest {
 protected:
  DiskUploadContractTest() {
    make(disk_id("u"),
         {{"location", "eastus"},
          {"properties",
           {{"creationData", {{"createOption", "Upload"}, {"uploadSizeBytes", kDiskBytes + 512}}}}}});
  }
  static HttpReply put_with(const std::string& sas, const std::string& range, const std::string& bytes,
                            const std::string& kind, std::multimap<std::string, std::string> headers = {}) {
    headers.emplace("Range", range);
    if (!kind.empty()) headers.emplace("x-ms-page-write", kind);
    return http_call("PUT", sas + "&comp=page", bytes, headers);
  }
};

// "A disk created with Upload, a write SAS, page writes; after endGetAccess the disk becomes Unattached."
TEST_F(DiskUploadContractTest, PagesAreWrittenClearedAndRead) {
  EXPECT_EQ(get(disk_id("u"))["properties"]["diskState"], "ReadyToUpload");
  const auto sas = grant(disk_id("u"), "Write");
  EXPECT_EQ(get(disk_id("u"))["properties"]["diskState"], "ActiveUpload");
  const auto put = put_page(sas, 1024, std::string(2048, 'p'));
  EXPECT_EQ(put.status, 201);
  EXPECT_FALSE(put.header("etag").empty());
  EXPECT_EQ(put_with(sas, "bytes=1536-2047", "", "clear").status, 201);
  EXPECT_EQ(put_page(sas, kDiskBytes - 512, std::string(512, 'q') + std::string(512, 'F')).status,
            201);  // with the footer
  revoke(disk_id("u"));
  EXPECT_EQ(get(disk_id("u"))["properties"]["diskState"], "Unattached");
  const auto read = grant(disk_id("u"));
  EXPECT_EQ(read_range(read, 1024, 3071).body,
            std::string(512, 'p') + std::string(512, '\0') + std::string(1024, 'p'));
  EXPECT_EQ(read_range(read, kDiskBytes - 512, kDiskBytes + 7).body, std::string(512, 'q') + "conectix");
  const auto list = page_list(read).body;
  EXPECT_NE(list.find(page("PageRange", 1024, 1535) + page("PageRange", 2048, 3071) +
                      page("PageRange", kDiskBytes - 512, kDiskBytes + 511)),
            std::string::npos)
      << list;
  expect_storage_error(put_page(read, 0, std::string(512, 'x')), 403, "AuthorizationPermissionMismatch");
}

// "512-aligned, ≤ 4 MiB, x-ms-page-write update|clear."
TEST_F(DiskUploadContractTest, BadPageWritesAreRefused) {
  const auto sas = grant(disk_id("u"), "Write");
  expect_storage_error(put_with(sas, "bytes=0-510", std::string(511, 'x'), "update"), 416,
                       "InvalidPageRange");
  expect_storage_error(put_with(sas, "bytes=256-767", std::string(512, 'x'), "update"), 416,
                       "InvalidPageRange");
  expect_storage_error(put_with(sas, "bytes=67109376-67109887", std::string(512, 'x'), "update"), 416,
                       "InvalidPageRange");
  expect_storage_error(put_with(sas, "bytes=0-4194815", std::string(4'194'816, 'x'), "update"), 413,
                       "RequestBodyTooLarge");
  expect_storage_error(put_with(sas, "bytes=0-1023", std::string(512, 'x'), "update"), 400,
                       "InvalidHeaderValue");
  expect_storage_error(put_with(sas, "bytes=0-511", std::string(512, 'x'), "clear"), 400,
                       "InvalidHeaderValue");
  expect_storage_error(put_with(sas, "bytes=0-511", std::string(512, 'x'), ""), 400, "MissingRequiredHeader");
  expect_storage_error(put_with(sas, "bytes=0-511", std::string(512, 'x'), "append"), 400,
                       "InvalidHeaderValue");
  EXPECT_EQ(put_page(sas, 0, std::string(4'194'304, 'x')).status, 201);
}

// "If-Match etc. as Azure": 412 ConditionNotMet when the blob was written meanwhile.
TEST_F(DiskUploadContractTest, IfMatchGuardsWrites) {
  const auto sas = grant(disk_id("u"), "Write");
  const auto etag = http_call("HEAD", sas, "", {}).header("etag");
  EXPECT_EQ(put_with(sas, "bytes=0-511", std::string(512, 'x'), "update", {{"If-Match", etag}}).status, 201);
  expect_storage_error(put_with(sas, "bytes=0-511", std::string(512, 'y'), "update", {{"If-Match", etag}}),
                       412, "ConditionNotMet");
}

// A disk that is not uploaded yet is neither read nor copied nor deleted while it is written.
TEST_F(DiskUploadContractTest, NotUsableBeforeTheUploadEnds) {
  EXPECT_EQ(put(snapshot_id("s"), incremental_of(disk_id("u"))).error_code(), "OperationNotAllowed");
  EXPECT_EQ(begin_access(disk_id("u"), {{"access", "Read"}, {"durationInSeconds", 60}}).error_code(),
            "OperationNotAllowed");
  grant(disk_id("u"), "Write");
  EXPECT_EQ(put(snapshot_id("s"), incremental_of(disk_id("u"))).error_code(), "OperationNotAllowed");
  EXPECT_EQ(sim_.arm("DELETE", url(disk_id("u"))).error_code(), "OperationNotAllowed");
}

// uploadSizeBytes: "between 20972032 (20 MiB + 512 bytes) and 35183298347520 (32 TiB + 512)".
TEST_F(DiskUploadContractTest, UploadSizeHasLimits) {
  for (const std::uint64_t size :
       {std::uint64_t{20'972'031}, std::uint64_t{35'184'372'089'345}, std::uint64_t{20'972'033}}) {
    const json body = {
        {"location", "eastus"},
        {"properties", {{"creationData", {{"createOption", "Upload"}, {"uploadSizeBytes", size}}}}}};
    EXPECT_EQ(put(disk_id("x"), body).error_code(), "InvalidParameter") << size;
  }
}

// A snapshot is an atomic copy at the time of the call, whatever happens to the disk while the operation
// runs.
TEST_F(DiskDataContractTest, SnapshotIsTheDiskAtTheTimeOfTheCall) {
  make_uploaded("u", std::string(512, 'a'));
  sim_.admin("POST", "latency", {{"profile", "demo"}});
  sim_.freeze_at("2025-12-01T08:00:00Z");
  const auto started = put(snapshot_id("s"), incremental_of(disk_id("u")));
  EXPECT_EQ(started.status, 202);
  sim_.admin("POST", "latency", {{"profile", "none"}});
  sim_.finish(sim_.arm("DELETE", url(disk_id("u"))));
  sim_.advance("10s");
  EXPECT_EQ(read_range(grant(snapshot_id("s")), 0, 511).body, std::string(512, 'a'));
}

// "dataAccessAuthMode AzureActiveDirectory (a bearer token for https://disk.azure.com/ on top of the SAS)".
TEST_F(DiskDataContractTest, DataAccessAuthModeNeedsAToken) {
  auto body = empty_disk();
  body["properties"]["dataAccessAuthMode"] = "AzureActiveDirectory";
  make(disk_id("d"), body);
  const auto sas = grant(disk_id("d"));
  EXPECT_EQ(read_range(sas, 0, 511).status, 401);
  EXPECT_EQ(http_call("GET", sas, "", {{"Range", "bytes=0-511"}, {"Authorization", "Bearer x"}}).status, 401);
  const auto with_token = [&](const std::string& token) {
    return http_call("GET", sas, "", {{"Range", "bytes=0-511"}, {"Authorization", "Bearer " + token}}).status;
  };
  EXPECT_EQ(with_token(sim_.token()), 401);  // for another audience
  const auto answer = http_call(
      "GET",
      sim_.url() + "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://disk.azure.com/",
      "", {{"Metadata", "true"}});
  EXPECT_EQ(with_token(answer.json()["access_token"]), 206);
}

// A region that is down gives no data either.
TEST_F(DiskDataContractTest, RegionThatIsDownGivesNoData) {
  make(disk_id("d"), empty_disk());
  const auto sas = grant(disk_id("d"));
  sim_.admin("POST", "faults", {{"region", "eastus"}});
  EXPECT_EQ(read_range(sas, 0, 511).status, 503);
  sim_.admin("POST", "faults", {{"region", "eastus"}, {"down", false}});
  EXPECT_EQ(read_range(sas, 0, 511).status, 206);
}

// Faults strike the data plane, too.
TEST_F(DiskDataContractTest, FaultsStrikeReads) {
  make(disk_id("d"), empty_disk());
  const auto sas = grant(disk_id("d"));
  const auto fault = sim_.add_fault(
      {{"method", "GET"}, {"path", "/_sas/*"}, {"count", 1}, {"status", 503}, {"code", "ServerBusy"}});
  EXPECT_EQ(read_range(sas, 0, 511).status, 503);
  EXPECT_EQ(read_range(sas, 0, 511).status, 206);
  EXPECT_EQ(sim_.fault_hits(fault), 1);
  sim_.add_fault({{"method", "GET"}, {"path", "/_sas/*"}, {"count", 1}, {"drop", "truncate"}});
  EXPECT_EQ(read_range(sas, 0, 4095).status, 0);
  EXPECT_EQ(read_range(sas, 0, 4095).body.size(), 4096u);
  sim_.add_fault({{"method", "HEAD"}, {"path", "/_sas/*"}, {"count", 1}, {"drop", "truncate"}});
  EXPECT_EQ(http_call("HEAD", sas, "", {}).status, 0) << "no length that is not the disk's";
  EXPECT_EQ(http_call("HEAD", sas, "", {}).status, 200);
}

// Get Blob, Get Page Ranges and Put Page answer with Last-Modified: the last write, or the creation.
TEST_F(DiskUploadContractTest, LastModifiedIsThatOfTheLastWrite) {
  sim_.freeze_at("2025-12-01T08:00:00Z");
  make(disk_id("d"),
       {{"location", "eastus"},
        {"properties",
         {{"creationData", {{"createOption", "Upload"}, {"uploadSizeBytes", kDiskBytes + 512}}}}}});
  const auto sas = grant(disk_id("d"), "Write");
  sim_.freeze_at("2025-12-01T08:30:00Z");
  const std::string created = "Mon, 01 Dec 2025 08:00:00 GMT", written = "Mon, 01 Dec 2025 08:30:00 GMT";
  EXPECT_EQ(http_call("HEAD", sas, "", {}).header("last-modified"), created);
  EXPECT_EQ(put_page(sas, 0, std::string(512, 'x')).header("last-modified"), written);
  EXPECT_EQ(http_call("HEAD", sas, "", {}).header("last-modified"), written);
  EXPECT_EQ(read_range(sas, 0, 511).header("last-modified"), written);
  EXPECT_EQ(page_list(sas).header("last-modified"), written);
}

// curl's type for --data-binary is a form's: the pages are taken all the same.
TEST_F(DiskUploadContractTest, PagesMayCallThemselvesAForm) {
  const auto sas = grant(disk_id("u"), "Write");
  const std::string bytes(65'536, 'f');
  EXPECT_EQ(
      put_with(sas, "bytes=0-65535", bytes, "update", {{"Content-Type", "application/x-www-form-urlencoded"}})
          .status,
      201);
  EXPECT_EQ(read_range(sas, 0, 65'535).body, bytes);
}

// x-ms-range-get-content-md5: "the MD5 hash for the range, as long as the range is less than or equal to
// 4 MiB"; "specified without the Range header: 400; exceeds 4 MiB: 400".
TEST_F(DiskDataContractTest, RangesComeWithTheirMd5) {
  make_uploaded("u", "hello" + std::string(507, '\0'));
  const auto sas = grant(disk_id("u"));
  const auto get_with_md5 = [&](std::multimap<std::string, std::string> headers) {
    headers.emplace("x-ms-range-get-content-md5", "true");
    return http_call("GET", sas, "", headers);
  };
  const auto reply = get_with_md5({{"Range", "bytes=0-4"}});
  EXPECT_EQ(reply.body, "hello");
  EXPECT_EQ(reply.header("content-md5"), "XUFAKrxLKna5cZ2REBfFkg==");
  EXPECT_EQ(read_range(sas, 0, 4).header("content-md5"), "");
  EXPECT_EQ(get_with_md5({{"Range", "bytes=0-4194303"}}).status, 206);
  expect_storage_error(get_with_md5({{"Range", "bytes=0-4194304"}}), 400, "OutOfRangeInput");
  expect_storage_error(get_with_md5({}), 400, "InvalidHeaderValue");
}

// What the URL cannot do is refused as the storage service does, in XML.
TEST_F(DiskDataContractTest, OtherVerbsAreRefused) {
  make(disk_id("d"), empty_disk());
  const auto sas = grant(disk_id("d"));
  expect_storage_error(http_call("POST", sas, "", {}), 405, "UnsupportedHttpVerb");
  expect_storage_error(http_call("PATCH", sas, "", {}), 405, "UnsupportedHttpVerb");
  expect_storage_error(http_call("DELETE", sas, "", {}), 403, "AuthorizationPermissionMismatch");
}

}  // namespace
}  // namespace azlin::test
