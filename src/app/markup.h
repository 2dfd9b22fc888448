#pragma once

#include <string>
#include <string_view>

namespace hostspin {

/// `text` as it stands in HTML and XML, between tags and within quoted attributes alike.
[[nodiscard]] std::string escaped_markup(std::string_view text);

}  // namespace hostspin
