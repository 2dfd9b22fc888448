// A file of its own: Catch2's main takes long to compile, and never changes.
#define CATCH_CONFIG_MAIN
#include "catch.h"
