#pragma once
// The $filter and $top of generic lists.
//
//   tagName eq 'a' [and tagValue eq 'b'] | startswith(tagName,'a')     alone; cannot be combined with what
//   follows {location|resourceType|name|resourceGroup|plan/publisher…} {eq|ne} 'v' | substringof('v',
//   name|resourceGroup) joined by and, or, parentheses
#include <functional>
#include <optional>
#include <string>

#include "simulator/state.hpp"

namespace azlin::simulator {

struct ResourceFilter {
  // A tag filter: the name (or its beginning), and a value when one is asked for.
  struct Tag {
    std::string name;
    bool prefix = false;
    std::optional<std::string> value;
  };
  std::optional<Tag> tag;
  std::string type;  // lower case; set when the filter is no more than one resourceType eq
  std::function<bool(const Resource&)> matches;  // empty: everything does
};

// Throws ApiError 400 InvalidFilterInQueryString.
ResourceFilter parse_resource_filter(const std::string& text);

// Whether the resource has the tag's name; its value is not looked at.
bool has_tag(const Resource& resource, const ResourceFilter::Tag& wanted);
// $top, at most 1,000, which is also the default. Throws ApiError 400 InvalidTopInQueryString.
std::size_t checked_top(const Request& request);

}  // namespace azlin::simulator
