#include "simulator/vm_sizes.hpp"

#include "simulator/text.hpp"

namespace azlin::simulator {

const std::vector<VmSize>& vm_sizes() {
  static const std::vector<VmSize> table = {
      {"Standard_B1s", "standardBSFamily", "Standard BS Family vCPUs", 1, 1, 4096, 2, 2, "V1,V2", "x64",
       "SCSI", true, true, 320},
      {"Standard_B2s", "standardBSFamily", "Standard BS Family vCPUs", 2, 4, 8192, 4, 3, "V1,V2", "x64",
       "SCSI", true, true, 1280},
      {"Standard_B2ms", "standardBSFamily", "Standard BS Family vCPUs", 2, 8, 16384, 4, 3, "V1,V2", "x64",
       "SCSI", true, true, 1920},
      {"Standard_DS1_v2", "standardDSv2Family", "Standard DSv2 Family vCPUs", 1, 3.5, 7168, 4, 2, "V1,V2",
       "x64", "SCSI", true, true, 3200},
      {"Standard_D2_v3", "standardDv3Family", "Standard Dv3 Family vCPUs", 2, 8, 51200, 4, 2, "V1", "x64",
       "SCSI", false, false, 3000},
      {"Standard_D2s_v3", "standardDSv3Family", "Standard DSv3 Family vCPUs", 2, 8, 16384, 4, 2, "V1,V2",
       "x64", "SCSI", true, true, 3200},
      {"Standard_D4s_v3", "standardDSv3Family", "Standard DSv3 Family vCPUs", 4, 16, 32768, 8, 2, "V1,V2",
       "x64", "SCSI", true, true, 6400},
      {"Standard_D2s_v5", "standardDSv5Family", "Standard DSv5 Family vCPUs", 2, 8, 0, 4, 2, "V1,V2", "x64",
       "SCSI", true, true, 3750},
      {"Standard_D4s_v5", "standardDSv5Family", "Standard DSv5 Family vCPUs", 4, 16, 0, 8, 2, "V1,V2", "x64",
       "SCSI", true, true, 6400},
      {"Standard_D8s_v5", "standardDSv5Family", "Standard DSv5 Family vCPUs", 8, 32, 0, 16, 4, "V1,V2", "x64",
       "SCSI", true, true, 12800},
      {"Standard_E4s_v5", "standardESv5Family", "Standard ESv5 Family vCPUs", 4, 32, 0, 8, 2, "V1,V2", "x64",
       "SCSI", true, true, 6400},
      {"Standard_E16s_v5", "standardESv5Family", "Standard ESv5 Family vCPUs", 16, 128, 0, 32, 8, "V1,V2",
       "x64", "SCSI", true, true, 25600},
      {"Standard_F4s_v2", "standardFSv2Family", "Standard FSv2 Family vCPUs", 4, 8, 32768, 8, 2, "V1,V2",
       "x64", "SCSI", true, true, 6400},
      {"Standard_D2ps_v5", "standardDPSv5Family", "Standard DPSv5 Family vCPUs", 2, 8, 0, 4, 2, "V2", "Arm64",
       "SCSI", true, false, 3750},
      {"Standard_D4s_v6", "standardDSv6Family", "Standard Dsv6 Family vCPUs", 4, 16, 0, 12, 2, "V2", "x64",
       "NVMe", true, true, 7600},
  };
  return table;
}

const std::vector<SizeRestriction>& size_restrictions() {
  static const std::vector<SizeRestriction> table = {
      {"Standard_D4s_v6", "westus", "", "NotAvailableForSubscription"},
      {"Standard_D4s_v6", "ukwest", "", "NotAvailableForSubscription"},
      {"Standard_D2ps_v5", "uksouth", "3", "NotAvailableForSubscription"},
      {"Standard_E16s_v5", "westcentralus", "", "NotAvailableForSubscription"},
      {"Standard_D8s_v5", "centralus", "2", "NotAvailableForSubscription"},
  };
  return table;
}

const VmSize* find_vm_size(std::string_view name) {
  for (const auto& size : vm_sizes())
    if (same(size.name, name)) return &size;
  return nullptr;
}

bool size_offered(const VmSize& size, std::string_view region, std::string_view zone) {
  for (const auto& restriction : size_restrictions()) {
    if (!same(restriction.size, size.name) || !same(restriction.region, region)) continue;
    if (*restriction.zone == '\0' || zone == restriction.zone) return false;
  }
  return true;
}

}  // namespace azlin::simulator
