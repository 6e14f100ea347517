// The endpoint that tests and `azlin simulator …` drive the simulator by. No token: it listens on loopback
// only.
#include <unistd.h>

#include <fmt/format.h>

#include "azlin/core/error.hpp"
#include "simulator/providers.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

std::int64_t number(const std::string& text) {
  if (text.empty() || text.size() > 15 ||
      !std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); }))
    throw ApiError(400, "BadRequest", "'" + text + "' is no number");
  return std::stoll(text);
}

Json clock_body(Context& context) {
  return {{"now", core::to_iso8601(context.now())}, {"frozen", context.clock.frozen()}};
}

Reply post_clock(Context& context, const Request& request) {
  for (const auto& [name, value] : request.object().items()) {
    if (name == "set") {
      const auto time = core::parse_time(value.get<std::string>());
      if (!time) throw ApiError(400, "BadRequest", "set takes a time such as 2025-12-01T08:00:00Z");
      context.clock.set(*time);
    } else if (name == "advance") {
      const auto by = core::parse_duration(value.get<std::string>());
      if (!by) throw ApiError(400, "BadRequest", "advance takes a duration such as 90s or 7d");
      context.clock.advance(*by);
    } else if (name == "freeze") {
      value.get<bool>() ? context.clock.freeze() : context.clock.resume();
    } else {
      throw ApiError(400, "BadRequest", "the clock takes set, advance and freeze");
    }
  }
  context.state.set_meta("clock", context.clock.save());
  return Reply::json(200, clock_body(context));
}

Reply post_latency(Context& context, const Request& request) {
  try {
    context.latency = parse_latency(request.object().value("profile", ""));
  } catch (const core::Error& error) {
    throw ApiError(400, "BadRequest", error.what());
  }
  context.state.set_meta("latency", to_string(context.latency));
  return Reply::json(200, {{"profile", to_string(context.latency)}});
}

Reply list_faults(Context& context) {
  Json rules = Json::array();
  for (const auto& rule : context.faults.list()) rules.push_back(to_json(rule));
  return Reply::json(200, {{"faults", rules}, {"regionsDown", context.faults.regions_down()}});
}

Reply post_fault(Context& context, const Request& request) {
  const Json& body = request.object();
  if (body.contains("region")) {
    context.faults.set_region_down(body["region"].get<std::string>(), body.value("down", true));
    return list_faults(context);
  }
  const auto id = context.faults.add(fault_from_json(body));
  return Reply::json(201, {{"id", id}});
}

[[noreturn]] void refuse_seed(const core::Error& error) {
  const bool absent = error.kind() == core::ErrorKind::not_found;
  throw ApiError(absent ? 404 : 400, absent ? "NotFound" : "BadRequest", error.what());
}

// All as new, except the clock, unless "clock" is asked for too. A bad seed changes nothing.
Reply post_reset(Context& context, const Request& request) {
  const Json body = request.json.is_object() ? request.json : Json::object();
  const std::string seed = body.value("seed", context.state.meta("seed").value_or("sample"));
  try {
    check_seed(context, seed);
  } catch (const core::Error& error) {
    refuse_seed(error);
  }
  for (const auto& hook : context.on_reset) hook();
  context.state.clear();
  context.access.forget();
  context.faults.clear();
  context.throttle.clear();
  context.throttle.store_limits.clear();
  context.graph_lag = core::Millis{0};
  context.log.clear();
  try {
    apply_seed(context, seed);
  } catch (const core::Error& error) {
    refuse_seed(error);
  }
  context.state.set_meta("seed", seed);
  context.state.set_meta("latency", to_string(context.latency));
  if (body.value("clock", false)) context.clock.reset();
  context.state.set_meta("clock", context.clock.save());
  return Reply::json(200, {{"seed", seed}});
}

Reply health(Context& context) {
  return Reply::json(200, {{"status", "ok"},
                           {"pid", static_cast<std::int64_t>(::getpid())},
                           {"stateDir", context.state_dir},
                           {"latency", to_string(context.latency)},
                           {"throttle", context.throttle.enabled},
                           {"seed", context.state.meta("seed").value_or("")},
                           {"clock", clock_body(context)}});
}

Reply put_grants(Context& context, const Request& request) {
  try {
    context.access.set_grants(request.object().at("grants").get<std::vector<Grant>>());
  } catch (const Json::exception& error) {
    throw ApiError(400, "BadRequest", error.what());
  }
  return Reply::json(200, {{"grants", context.access.grants()}});
}

Reply issue_token(Context& context, const Request& request) {
  const Json body = request.json.is_object() ? request.json : Json::object();
  TokenClaims claims;
  claims.audience = body.value("audience", claims.audience);
  claims.principal = body.value("principal", claims.principal);
  claims.tenant = body.value("tenant", claims.tenant);
  claims.issued = context.now();
  claims.expires =
      claims.issued + std::chrono::seconds(body.value("lifeSeconds", kTokenLife.count() / 1'000));
  return Reply::json(200, {{"token", make_token(claims)}, {"expires", core::to_iso8601(claims.expires)}});
}

void register_faults(Router& router, Context& context) {
  router.open("GET", "/_simulator/faults", [&context](Request&) { return list_faults(context); });
  router.open("POST", "/_simulator/faults",
              [&context](Request& request) { return post_fault(context, request); });
  router.open("DELETE", "/_simulator/faults", [&context](Request&) {
    context.faults.clear();
    return list_faults(context);
  });
  router.open("DELETE", "/_simulator/faults/{id}", [&context](Request& request) {
    if (!context.faults.remove(number(request.param("id")))) throw ApiError(404, "NotFound", "no such fault");
    return list_faults(context);
  });
}

void register_inspection(Router& router, Context& context) {
  router.open("GET", "/_simulator/health", [&context](Request&) { return health(context); });
  router.open("GET", "/_simulator/state",
              [&context](Request&) { return Reply::json(200, context.state.ids_by_type()); });
  router.open("GET", "/_simulator/requests", [&context](Request& request) {
    return Reply::json(200, {{"requests", context.log.since(number(request.query_or("since", "0")))},
                             {"last", context.log.last()}});
  });
  router.open("DELETE", "/_simulator/requests", [&context](Request&) {
    context.log.clear();
    return Reply::json(200, {{"last", context.log.last()}});
  });
}

}  // namespace

void register_admin(Router& router, Context& context) {
  register_inspection(router, context);
  register_faults(router, context);
  router.open("GET", "/_simulator/clock",
              [&context](Request&) { return Reply::json(200, clock_body(context)); });
  router.open("POST", "/_simulator/clock",
              [&context](Request& request) { return post_clock(context, request); });
  router.open("GET", "/_simulator/latency", [&context](Request&) {
    return Reply::json(200, {{"profile", to_string(context.latency)}});
  });
  router.open("POST", "/_simulator/latency",
              [&context](Request& request) { return post_latency(context, request); });
  router.open("POST", "/_simulator/throttle", [&context](Request& request) {
    context.throttle.enabled = request.object().value("enabled", true);
    context.throttle.clear();
    for (const char* kind : {"keyVault", "keyVaultCreate", "appConfiguration"})
      if (request.json.contains(kind)) context.throttle.store_limits[kind] = request.json[kind].get<int>();
    return Reply::json(200, {{"enabled", context.throttle.enabled}});
  });
  router.open("POST", "/_simulator/graph", [&context](Request& request) {
    context.graph_lag = std::chrono::seconds(request.object().at("lagSeconds").get<std::int64_t>());
    return Reply::json(200, request.json);
  });
  router.open("POST", "/_simulator/reset",
              [&context](Request& request) { return post_reset(context, request); });
  router.open("POST", "/_simulator/token",
              [&context](Request& request) { return issue_token(context, request); });
  router.open("GET", "/_simulator/grants", [&context](Request&) {
    return Reply::json(200, {{"grants", context.access.grants()}});
  });
  router.open("PUT", "/_simulator/grants",
              [&context](Request& request) { return put_grants(context, request); });
  router.open("GET", "/_simulator/policies", [&context](Request&) {
    return Reply::json(200, {{"policies", context.access.policies()}});
  });
  router.open("PUT", "/_simulator/policies", [&context](Request& request) {
    context.access.set_policies(request.object().at("policies"));
    return Reply::json(200, {{"policies", context.access.policies()}});
  });
}

}  // namespace azlin::simulator
