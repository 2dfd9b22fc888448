#include "ask_worker.h"

int main(int argc, char** argv) { return hostspin::run_ask_worker(argc, argv); }
