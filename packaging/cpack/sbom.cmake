# The bill of materials, SPDX 2.3 as JSON: what is compiled into the programs (header-only libraries,
# which no package manager sees) and what they are linked with, in the versions of this build.
# The C and C++ run-time libraries are the system's. Same source, same SOURCE_DATE_EPOCH, same bytes.

pkg_check_modules(FMT REQUIRED QUIET fmt)
string(TIMESTAMP SBOM_CREATED "%Y-%m-%dT%H:%M:%SZ" UTC)
string(TIMESTAMP SBOM_EPOCH "%s" UTC)  # makes the document's name its own

# name | version | licence | where it comes from | SPDX relationship
set(materials
  "CLI11|${CLI11_VERSION}|BSD-3-Clause|https://github.com/CLIUtils/CLI11|STATIC_LINK"
  "expected|${tl-expected_VERSION}|CC0-1.0|https://github.com/TartanLlama/expected|STATIC_LINK"
  "fmt|${FMT_VERSION}|MIT|https://github.com/fmtlib/fmt|STATIC_LINK"
  "nlohmann-json|${nlohmann_json_VERSION}|MIT|https://github.com/nlohmann/json|STATIC_LINK"
  "spdlog|${spdlog_VERSION}|MIT|https://github.com/gabime/spdlog|STATIC_LINK"
  "tomlplusplus|${TOMLPLUSPLUS_VERSION}|MIT|https://github.com/marzer/tomlplusplus|STATIC_LINK"
  "libcurl|${CURL_VERSION_STRING}|curl|https://curl.se|DYNAMIC_LINK"
  "libseccomp|${SECCOMP_VERSION}|LGPL-2.1-only|https://github.com/seccomp/libseccomp|DYNAMIC_LINK"
  "openssl|${OPENSSL_VERSION}|Apache-2.0|https://www.openssl.org|DYNAMIC_LINK")

set(SBOM_PACKAGES "")
set(SBOM_RELATIONSHIPS "")
foreach(material ${materials})
  string(REPLACE "|" ";" fields "${material}")
  list(GET fields 0 name)
  list(GET fields 1 version)
  list(GET fields 2 license)
  list(GET fields 3 location)
  list(GET fields 4 relationship)
  if(version STREQUAL "")
    message(FATAL_ERROR "the bill of materials needs the version of ${name}")
  endif()
  string(APPEND SBOM_PACKAGES ",
    {
      \"SPDXID\": \"SPDXRef-${name}\",
      \"name\": \"${name}\",
      \"versionInfo\": \"${version}\",
      \"downloadLocation\": \"${location}\",
      \"filesAnalyzed\": false,
      \"licenseConcluded\": \"NOASSERTION\",
      \"licenseDeclared\": \"${license}\",
      \"copyrightText\": \"NOASSERTION\"
    }")
  string(APPEND SBOM_RELATIONSHIPS ",
    {
      \"spdxElementId\": \"SPDXRef-hostspin\",
      \"relationshipType\": \"${relationship}\",
      \"relatedSpdxElement\": \"SPDXRef-${name}\"
    }")
endforeach()
configure_file(${CMAKE_CURRENT_LIST_DIR}/hostspin.spdx.json.in ${CMAKE_CURRENT_BINARY_DIR}/hostspin.spdx.json @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/hostspin.spdx.json DESTINATION ${HOSTSPIN_DOC})
