// old_kernel RULE... -- PROGRAM ARGUMENT...: PROGRAM with system calls that fail, as on a kernel or below a filter
// that is older than they are. RULE: CALL=ERRNO, or CALL:ARGUMENT=ERRNO where the argument of that number is not 0.
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int number_of(const char* name) {
  if (strcmp(name, "ENOSYS") == 0) return ENOSYS;
  if (strcmp(name, "EPERM") == 0) return EPERM;
  if (strcmp(name, "EINVAL") == 0) return EINVAL;
  return 0;
}

/// Whether the rule was understood and is in the filter.
static int add(scmp_filter_ctx filter, char* rule) {
  char* answer = strchr(rule, '=');
  if (answer == NULL) return 0;
  *answer++ = '\0';
  char* argument = strchr(rule, ':');
  if (argument != NULL) *argument++ = '\0';
  const int call = seccomp_syscall_resolve_name(rule);
  const int number = number_of(answer);
  if (call == __NR_SCMP_ERROR || number == 0) return 0;
  const uint32_t action = SCMP_ACT_ERRNO((uint32_t)number);
  if (argument == NULL) return seccomp_rule_add(filter, action, call, 0) == 0;
  const struct scmp_arg_cmp is_set = SCMP_CMP((unsigned)atoi(argument), SCMP_CMP_NE, 0);
  return seccomp_rule_add(filter, action, call, 1, is_set) == 0;
}

int main(int count, char** words) {
  const scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  int at = 1;
  for (; filter != NULL && at < count && strcmp(words[at], "--") != 0; ++at) {
    if (add(filter, words[at])) continue;
    fprintf(stderr, "old_kernel: no such rule: %s\n", words[at]);
    return 99;
  }
  if (filter == NULL || at + 1 >= count || seccomp_load(filter) != 0) {
    fputs("old_kernel: no filter, or no program to run\n", stderr);
    return 99;
  }
  execvp(words[at + 1], words + at + 1);
  perror("old_kernel: exec");
  return 99;
}
