#pragma once
// The data plane of disks: what a page blob answers to its SAS URL,
// /_sas/{account}/{container}/abcd?sv&sr&si&sig.
//   HEAD, GET (Range or x-ms-range)      the disk as a fixed VHD: its bytes, then the 512-byte footer
//   GET comp=pagelist                    what is allocated; against x-ms-previous-snapshot-url, what changed
//   PUT comp=page                        update or clear pages of a disk that is being uploaded
// Errors are the storage service's: XML and x-ms-error-code. Contents are read without the control plane's
// lock.
#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

void register_blob_plane(Router& router, Context& context);

}  // namespace azlin::simulator
