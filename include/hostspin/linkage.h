#pragma once

#include <span>

namespace hostspin {

/// Something of others that the programs of this build are made of, or run with.
struct Material {
  const char* name;
  const char* version;  ///< of the distribution's package, where it came from one
  const char* package;  ///< the distribution's name for what was compiled with
  bool compiled_in;     ///< else it is the machine's, in whatever version it is there
};

struct Linkage {
  const char* kind;  ///< "shared" or "portable"
  std::span<const Material> materials;
};

/// How the programs of this build are linked. The two ways share every object but this one, which
/// is made of the bill of materials (packaging/cpack/linkage.cmake).
extern const Linkage kLinkage;

}  // namespace hostspin
