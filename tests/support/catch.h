#pragma once

// The one place that knows which Catch2 there is: v3 where it is installed, else v2.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
