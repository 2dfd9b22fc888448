# The bill of materials, SPDX 2.3 as JSON: what is compiled into the programs and what they are linked with
# (materials.cmake), in the versions of this build. Same source, same SOURCE_DATE_EPOCH, same bytes.

string(TIMESTAMP SBOM_CREATED "%Y-%m-%dT%H:%M:%SZ" UTC)
string(TIMESTAMP SBOM_EPOCH "%s" UTC)  # makes the document's name its own

# As Debian calls what is compiled for: a machine may have a library for several architectures, in different versions.
set(SBOM_ARCHITECTURE "")
find_program(DPKG_QUERY dpkg-query)
if(CMAKE_CXX_LIBRARY_ARCHITECTURE)
  execute_process(COMMAND dpkg-architecture --host-type ${CMAKE_CXX_LIBRARY_ARCHITECTURE} --query DEB_HOST_ARCH
    RESULT_VARIABLE code OUTPUT_VARIABLE SBOM_ARCHITECTURE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()

# The version of the package that was compiled for, and where it says which architecture that is.
function(sbom_package_version package version architecture)
  set(found "")
  set(code 1)
  if(DPKG_QUERY AND SBOM_ARCHITECTURE)
    # A package of "all" has no architecture of its own to be asked for.
    foreach(asked ${package}:${SBOM_ARCHITECTURE} ${package}:all)
      execute_process(COMMAND ${DPKG_QUERY} --show "--showformat=\${Version}" ${asked}
        RESULT_VARIABLE code OUTPUT_VARIABLE found ERROR_QUIET)
      if(code EQUAL 0 AND NOT found STREQUAL "")
        string(REGEX REPLACE "^.*:" "" asked ${asked})
        set(${architecture} ${asked} PARENT_SCOPE)
        break()
      endif()
    endforeach()
  endif()
  set(${version} "${found}" PARENT_SCOPE)
endfunction()

# The version of the package whose `name` the programs of a kind are linked with.
function(sbom_linked_version kind name package version architecture)
  set(architecture_found "")
  sbom_package_version(${package} found architecture_found)
  # This archive is built apart, and not again because of a newer package.
  if(kind STREQUAL portable AND name STREQUAL libcurl AND EXISTS ${HOSTSPIN_LIBCURL}/version)
    file(STRINGS ${HOSTSPIN_LIBCURL}/version found)
  endif()
  set(${version} "${found}" PARENT_SCOPE)
  set(${architecture} "${architecture_found}" PARENT_SCOPE)
endfunction()

# Who supplied it, and its package URL: the distribution with its own version, where it is Debian or made like it.
function(sbom_origin name version package)
  set(supplier "NOASSERTION")
  set(purl "pkg:generic/${name}@${version}")
  sbom_linked_version(${kind} ${name} ${package} found architecture)
  if(found)
    cmake_host_system_information(RESULT distribution QUERY DISTRIB_ID DISTRIB_NAME)
    list(GET distribution 0 id)
    list(GET distribution 1 supplier)
    set(supplier "Organization: ${supplier}")
    set(purl "pkg:deb/${id}/${package}@${found}")
    if(NOT architecture STREQUAL all)
      string(APPEND purl "?arch=${architecture}")
    endif()
  endif()
  string(REPLACE "+" "%2B" purl "${purl}")
  string(REGEX REPLACE "@([0-9]+):" "@\\1%3A" purl "${purl}")
  set(supplier "${supplier}" PARENT_SCOPE)
  set(purl "${purl}" PARENT_SCOPE)
endfunction()

# hostspin_bill_of_materials(shared|portable [what install(FILES) shall know besides])
function(hostspin_bill_of_materials kind)
  set(SBOM_PACKAGES "")
  set(SBOM_RELATIONSHIPS "")
  set(SBOM_KIND ${kind})
  hostspin_materials_of(${kind} materials)
  foreach(material ${materials})
    hostspin_read_material("${material}")
    string(TOUPPER ${linked}_LINK relationship)
    string(REPLACE "+" "x" id "${name}")  # no + in an identifier
    sbom_origin("${name}" "${version}" "${package}")
    if(version STREQUAL "")
      message(FATAL_ERROR "the bill of materials needs the version of ${name}")
    endif()
    set_property(GLOBAL APPEND_STRING PROPERTY HOSTSPIN_MATERIALS_MADE_OF "${kind} ${purl}\n")
    string(APPEND SBOM_PACKAGES ",
    {
      \"SPDXID\": \"SPDXRef-${id}\",
      \"name\": \"${name}\",
      \"versionInfo\": \"${version}\",
      \"supplier\": \"${supplier}\",
      \"downloadLocation\": \"${location}\",
      \"filesAnalyzed\": false,
      \"licenseConcluded\": \"NOASSERTION\",
      \"licenseDeclared\": \"${license}\",
      \"copyrightText\": \"NOASSERTION\",
      \"externalRefs\": [
        {
          \"referenceCategory\": \"PACKAGE-MANAGER\",
          \"referenceType\": \"purl\",
          \"referenceLocator\": \"${purl}\"
        }
      ]
    }")
    string(APPEND SBOM_RELATIONSHIPS ",
    {
      \"spdxElementId\": \"SPDXRef-hostspin\",
      \"relationshipType\": \"${relationship}\",
      \"relatedSpdxElement\": \"SPDXRef-${id}\"
    }")
  endforeach()
  set(bill ${CMAKE_CURRENT_BINARY_DIR}/${kind}/hostspin.spdx.json)
  configure_file(${CMAKE_CURRENT_SOURCE_DIR}/cpack/hostspin.spdx.json.in ${bill} @ONLY)
  install(FILES ${bill} DESTINATION ${HOSTSPIN_DOC} COMPONENT ${kind} ${ARGN})
endfunction()
