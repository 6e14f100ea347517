#pragma once
// The api-versions that azlin sends.

namespace azlin::azure {

inline constexpr const char* kDiskVersion = "2023-10-02";
inline constexpr const char* kVmVersion = "2024-07-01";
inline constexpr const char* kResourcesVersion = "2021-04-01";
inline constexpr const char* kSubscriptionsVersion = "2022-12-01";

}  // namespace azlin::azure
