#pragma once
// What the resource providers have in common: ids, lookups, lists in pages, and ARM's refusals.
#include <string>
#include <string_view>

#include "simulator/context.hpp"
#include "simulator/router.hpp"

namespace azlin::simulator {

// "/subscriptions/{sub}/resourceGroups/{rg}/providers/Microsoft.Compute/disks": the usual prefix of
// templates.
std::string group_path(std::string_view type);         // …/resourceGroups/{rg}/providers/{type}
std::string subscription_path(std::string_view type);  // /subscriptions/{sub}/providers/{type}

// 404 ResourceNotFound for the thing the id names.
[[noreturn]] void throw_not_found(const std::string& id);
// Throws ApiError 404 ResourceNotFound, or ParentResourceNotFound's message where Azure gives that itself.
Resource require(Context& context, const std::string& id);

// A new resource for a PUT on request.target: id and name from the path (an existing group's own spelling is
// used), location and tags checked, body {id, name, type, location, tags?, properties: {}}. `type` in its
// canonical spelling. Throws ApiError 400 (location, tags), or 409 InvalidResourceLocation when it exists in
// another region.
Resource make_resource(Context& context, const Request& request, std::string_view type);

// GET of request.target.
Reply get_resource(Context& context, const Request& request);
// The list in pages of 1,000 with an absolute nextLink: resources of `type` in the request's subscription and
// group.
Reply list_resources(Context& context, const Request& request, std::string_view type);
// {"value":[…],"nextLink"?} from a page; `extra_query` is none but what the client sent.
Reply page_reply(const Request& request, const ListPage& page);
// Where the client's $skiptoken says to go on; "" at the start. Throws ApiError 400 InvalidSkipToken.
std::string page_start(const Request& request);

// Throws ApiError 400 with Azure's text unless `tags` is an object of at most 50 names (≤512 characters, none
// of
// <>%&\?/ or control characters, no two alike ignoring case) with string values (≤256).
void check_tags(const Json& tags);

// Removes the resource and, with it, everything whose id is below its own (locks, role assignments, child
// resources).
void erase_with_children(Context& context, const std::string& id);

// Path parts of an id given in a body: {"subscription","group","type","name"} as Target; throws ApiError 400
// LinkedInvalidPropertyId when it is no resource id.
Target check_id(const std::string& id, const std::string& property);

}  // namespace azlin::simulator
