#include "azlin/core/error.hpp"

namespace azlin::core {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::not_found:
      return 3;
    case ErrorKind::partial:
      return 4;
    case ErrorKind::unauthorized:
      return 5;
    case ErrorKind::findings:
      return 6;
    case ErrorKind::busy:
      return 7;
    case ErrorKind::interrupted:
      return 130;
  }
  return 1;
}

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return "failed";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::partial:
      return "partial";
    case ErrorKind::unauthorized:
      return "unauthorized";
    case ErrorKind::findings:
      return "findings";
    case ErrorKind::busy:
      return "busy";
    case ErrorKind::interrupted:
      return "interrupted";
  }
  return "failed";
}

}  // namespace azlin::core
