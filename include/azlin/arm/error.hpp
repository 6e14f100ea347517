#pragma once
// A failure that the service reported.
#include <string>

#include "azlin/core/error.hpp"

namespace azlin::arm {

class ArmError : public core::Error {
 public:
  ArmError(core::ErrorKind kind, const std::string& message, std::string hint, int status, std::string code,
           std::string request_id, std::string service_message)
      : core::Error(kind, message, std::move(hint)),
        status_(status),
        code_(std::move(code)),
        request_id_(std::move(request_id)),
        service_message_(std::move(service_message)) {}
  int status() const { return status_; }             // HTTP status; 200 when a long-running operation failed
  const std::string& code() const { return code_; }  // "ResourceNotFound"; "" when the body had none
  const std::string& request_id() const {
    return request_id_;
  }  // x-ms-correlation-request-id, else x-ms-request-id
  const std::string& service_message() const { return service_message_; }

 private:
  int status_;
  std::string code_, request_id_, service_message_;
};

}  // namespace azlin::arm
