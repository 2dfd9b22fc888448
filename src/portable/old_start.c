// hostspin-ask is linked to the machine's own libc, since it asks NSS. The start-up code of a new
// glibc names a version of __libc_start_main that old ones lack; -Wl,--wrap sends it here, and from
// here to the version that all have. Before 2.34 it was the program that ran its constructors;
// later ones still run an init that comes with the old version.
#define HIDDEN __attribute__((visibility("hidden")))

typedef void Initialiser(int argc, char** argv, char** environment);

extern HIDDEN Initialiser *__preinit_array_start[], *__preinit_array_end[];
extern HIDDEN Initialiser *__init_array_start[], *__init_array_end[];
extern HIDDEN void _init(void);

static void run_constructors(int argc, char** argv, char** environment) {
  for (Initialiser** one = __preinit_array_start; one != __preinit_array_end; ++one) {
    (*one)(argc, argv, environment);
  }
  _init();
  for (Initialiser** one = __init_array_start; one != __init_array_end; ++one) {
    (*one)(argc, argv, environment);
  }
}

#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#else
#error "which version of glibc was the first on this machine?"
#endif

int oldest_libc_start_main(int (*main_function)(int, char**, char**), int argc, char** argv,
                           Initialiser* init, void (*fini)(void), void (*loader_fini)(void),
                           void* stack_end);
__asm__(".symver oldest_libc_start_main,__libc_start_main@" OLDEST);

HIDDEN int __wrap___libc_start_main(int (*main_function)(int, char**, char**), int argc,
                                    char** argv, Initialiser* init, void (*fini)(void),
                                    void (*loader_fini)(void), void* stack_end);

HIDDEN int __wrap___libc_start_main(int (*main_function)(int, char**, char**), int argc,
                                    char** argv, Initialiser* init, void (*fini)(void),
                                    void (*loader_fini)(void), void* stack_end) {
  (void)init, (void)fini;  // none comes from a new glibc; destructors are the loader's
  return oldest_libc_start_main(main_function, argc, argv, run_constructors, 0, loader_fini,
                                stack_end);
}
