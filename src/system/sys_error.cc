#include "sys_error.h"

#include <string>
#include <system_error>

namespace hostspin {

Error sys_error(int number, std::string_view action) {
  Errc code = Errc::io_error;
  switch (number) {
    case EACCES:
    case EPERM:
      code = Errc::denied;
      break;
    case EBUSY:
      code = Errc::bind_mount;
      break;
    case EDQUOT:
    case ENOSPC:
      code = Errc::disk_full;
      break;
    case ELOOP:
      code = Errc::symlink_refused;
      break;
    case ENOENT:
      code = Errc::not_found;
      break;
    case EROFS:
      code = Errc::read_only;
      break;
    default:
      break;
  }
  return {code, "cannot " + std::string(action) + ": " + std::generic_category().message(number)};
}

}  // namespace hostspin
