#include "small_stack.h"

#include <pthread.h>

#include <cstddef>
#include <stdexcept>

namespace hostspin::testing {
namespace {

constexpr std::size_t kStackBytes = std::size_t{256} << 10U;

void* call(void* work) {
  (*static_cast<std::function<void()>*>(work))();
  return nullptr;
}

}  // namespace

void run_on_small_stack(std::function<void()> work) {
  pthread_attr_t attributes;
  pthread_t thread{};
  if (pthread_attr_init(&attributes) != 0 ||
      pthread_attr_setstacksize(&attributes, kStackBytes) != 0 ||
      pthread_create(&thread, &attributes, call, &work) != 0 ||
      pthread_join(thread, nullptr) != 0) {
    throw std::runtime_error("cannot run a thread with a small stack");
  }
  (void)pthread_attr_destroy(&attributes);
}

}  // namespace hostspin::testing
