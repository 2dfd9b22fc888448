#include "net_worker.h"

int main(int argc, char** argv) { return hostspin::run_net_worker(argc, argv); }
