#pragma once

#include <string>

#include "context.h"
#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::size_t kBundleBytesMax = 3U << 20U;

/// The PEM text of a file that the configuration names; read here, since the worker opens no file.
Result<std::string> read_pem(Context& context, const std::string& path);

/// The system's CA bundle: the first of the usual places that exists.
Result<std::string> read_system_bundle(Context& context);

}  // namespace hostspin
