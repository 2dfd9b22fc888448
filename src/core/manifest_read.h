#pragma once

#include <string_view>

#include "hostspin/manifest.h"
#include "hostspin/root.h"

namespace hostspin {

/// U7 and U8 but for the root's names and networks. With a `root` its fleet, epoch, min_version and
/// version are held against the manifest's before any service is read.
Result<Manifest> read_manifest(std::string_view text, UnknownKeys unknown,
                               const RootDocument* root);

}  // namespace hostspin
