#include "desk.h"

int main(int argc, char** argv) { return hostspin::run_desk(argc, argv); }
