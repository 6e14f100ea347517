// GET /metadata/endpoints: how `az cloud register` and ARM_CLOUD_METADATA_URL learn a cloud's addresses.
#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

const Json kAudiences = {"https://management.core.windows.net/", "https://management.azure.com/"};

Json classic_shape(const std::string& url) {
  return {{"galleryEndpoint", url + "/"},
          {"graphEndpoint", url + "/"},
          {"portalEndpoint", url + "/"},
          {"graphAudience", url + "/"},
          {"authentication", {{"loginEndpoint", url + "/"}, {"audiences", kAudiences}}}};
}

Json cloud_shape(const std::string& url) {
  return {{"name", "AzlinSimulator"},
          {"portal", url},
          {"resourceManager", url + "/"},
          {"gallery", url + "/"},
          {"graph", url + "/"},
          {"graphAudience", url + "/"},
          {"batch", url + "/"},
          {"sqlManagement", url + "/"},
          {"vmImageAliasDoc", url + "/_simulator/aliases.json"},
          {"media", url + "/"},
          {"activeDirectoryDataLake", url + "/"},
          {"microsoftGraphResourceId", url + "/"},
          {"authentication",
           {{"loginEndpoint", url},
            {"audiences", kAudiences},
            {"tenant", "common"},
            {"identityProvider", "AAD"}}},
          {"suffixes",
           {{"storage", "core.windows.net"},
            {"keyVaultDns", "vault.azure.net"},
            {"acrLoginServer", "azurecr.io"},
            {"sqlServerHostname", "database.windows.net"},
            {"mysqlServerEndpoint", "mysql.database.azure.com"},
            {"postgresqlServerEndpoint", "postgres.database.azure.com"},
            {"mariadbServerEndpoint", "mariadb.database.azure.com"},
            {"azureDataLakeStoreFileSystem", "azuredatalakestore.net"},
            {"azureDataLakeAnalyticsCatalogAndJob", "azuredatalakeanalytics.net"}}}};
}

// 2015-01-01: one object in the old shape; up to 2020: an array of clouds; from 2022: one cloud.
Reply endpoints(const Request& request) {
  const std::string& version = request.api_version;
  if (version.empty())
    throw ApiError(400, "MissingApiVersionParameter",
                   "The api-version query parameter (?api-version=) is required for all requests.");
  if (version == "1.0" || version.starts_with("2015"))
    return Reply::json(200, classic_shape(request.base_url));
  if (version < "2022") return Reply::json(200, Json::array({cloud_shape(request.base_url)}));
  return Reply::json(200, cloud_shape(request.base_url));
}

Reply openid(const Request& request, const std::string& authority) {
  const std::string url = request.base_url + authority;
  return Reply::json(
      200, {{"issuer", url},
            {"authorization_endpoint", url + "/oauth2/v2.0/authorize"},
            {"token_endpoint", request.base_url + "/" + kTenant + "/oauth2/v2.0/token"},
            {"device_authorization_endpoint", request.base_url + "/" + kTenant + "/oauth2/v2.0/devicecode"},
            {"response_types_supported", {"code"}},
            {"subject_types_supported", {"pairwise"}},
            {"id_token_signing_alg_values_supported", {"RS256"}}});
}

}  // namespace

void register_metadata(Router& router, Context& /*context*/) {
  router.open("GET", "/metadata/endpoints", [](Request& request) { return endpoints(request); });
  router.open("GET", "/adfs/.well-known/openid-configuration",
              [](Request& request) { return openid(request, "/adfs"); });
  router.open("GET", "/{tenant}/v2.0/.well-known/openid-configuration",
              [](Request& request) { return openid(request, "/" + request.param("tenant") + "/v2.0"); });
}

}  // namespace azlin::simulator
