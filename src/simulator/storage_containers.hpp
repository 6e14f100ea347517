#pragma once
// Blob containers of a storage account in ARM. Rules: docs/simulator-platform.md.
#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

inline constexpr const char* kContainerType = "Microsoft.Storage/storageAccounts/blobServices/containers";

// The container of the request's path. Throws ApiError 404 ResourceNotFound (account), ContainerNotFound.
Resource container_of(Context& context, const Request& request);
// A new ETag and time of change; the caller saves.
void touch_container(Context& context, Resource& container);
// Throws ApiError 409 ContainerHasLegalHold. A locked policy keeps blobs, of which there are none here.
void check_not_immutable(const Resource& container);
// Throws ApiError 409 AccountProtectedFromDeletion while one of the account's containers is held or locked.
void check_containers_let_go(Context& context, const Resource& account);

void register_storage_containers(Router& router, Context& context);
void register_immutability(Router& router, Context& context);  // legal holds, immutability policies

}  // namespace azlin::simulator
