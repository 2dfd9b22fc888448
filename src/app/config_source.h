#pragma once

#include "config.h"
#include "config_table.h"

namespace hostspin {

/// One `[[source]]`, every key checked. Errc::bad_config.
Result<Source> read_source(ConfigTable table);

}  // namespace hostspin
