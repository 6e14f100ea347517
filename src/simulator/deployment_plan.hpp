#pragma once
// What a template deployment is going to do.
#include <string>

#include "simulator/context.hpp"
#include "simulator/router.hpp"
#include "simulator/template_expressions.hpp"

namespace azlin::simulator {

struct DeploymentPlan {
  Json steps = Json::array();  // in order: {"id", "api", "after", "body"}
  std::string mode;            // "Incremental" or "Complete"
  Json outputs;                // as the template states them, to be resolved when all is there
  Json parameters;             // {"name": {"type", "value"}}, as the deployment shows them
  Json values, variables;      // for the scope of the outputs
};

// Of the request's properties.template and parameters, in the group or subscription of request.target. Throws
// ApiError 400 InvalidTemplate or InvalidRequestContent.
DeploymentPlan plan_deployment(Context& context, const Request& request);

// The scope in which a deployment's expressions are read: `base` is its group's or subscription's id.
TemplateScope deployment_scope(Context& context, const std::string& base, const std::string& name,
                               const Json& parameters, const Json& variables);

// --- deployment_preview.cpp ---
void register_deployment_previews(Router& router, Context& context);

}  // namespace azlin::simulator
