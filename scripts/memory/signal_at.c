// Sends a process one signal at a moment that random interruption rarely hits: while its main thread's stack pointer lies outside
// of its stack, as in the f32 matrix products of oneDNN before 3.11.2. A handler without a stack of its own writes over
// the heap then.
//
//   cc -O2 -shared -fPIC signal_at.c -o signal_at.so
//   SIGNAL_AT=20 LD_PRELOAD=$PWD/signal_at.so seqformer train …
//
// Watching is harmless: SIGPROF on a stack of its own, and the signal is held back until its handler has returned. The
// signal is sent to the main thread if that one takes it, else to the process.
//
// Environment:
//   SIGNAL_AT=K         at the K-th such moment; needed
//   SIGNAL_NUMBER=N     15 (SIGTERM) if not set
//   SIGNAL_ON_STACK=1   while the stack pointer is where it belongs, for comparison
//   SIGNAL_PROGRAM=NAME programs whose path does not contain it are left alone; "seqformer-compute" if not set
// A line at the end says whether and where the signal was sent.

#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static uintptr_t stack_low, stack_high, sent_stack, sent_instruction;
static long wanted, seen;
static int number = SIGTERM, on_stack;
static pid_t main_thread;

static void watch(int profiling, siginfo_t *info, void *context) {
  (void)profiling;
  (void)info;
  if ((pid_t)syscall(SYS_gettid) != main_thread || sent_stack) return;
  const ucontext_t *where = context;
  uintptr_t stack = (uintptr_t)where->uc_mcontext.gregs[REG_RSP];
  int is_on_stack = stack >= stack_low && stack < stack_high;
  if (is_on_stack != on_stack || ++seen != wanted) return;
  sent_stack = stack;
  sent_instruction = (uintptr_t)where->uc_mcontext.gregs[REG_RIP];
  // What the main thread blocks goes to the process, where the thread that waits for it takes it.
  if (sigismember(&where->uc_sigmask, number)) kill(getpid(), number);
  else syscall(SYS_tgkill, getpid(), main_thread, number);
  struct itimerval never = {{0, 0}, {0, 0}};
  setitimer(ITIMER_PROF, &never, NULL);
}

__attribute__((constructor)) static void start(void) {
  const char *at = getenv("SIGNAL_AT"), *program = getenv("SIGNAL_PROGRAM"), *which = getenv("SIGNAL_NUMBER");
  char path[512];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (!at || length < 0) return;
  path[length] = 0;
  // Not the command either, which becomes that program: its timer would outlive its handler.
  if (!strstr(path, program ? program : "seqformer-compute")) return;
  wanted = atol(at);
  if (which) number = atoi(which);
  on_stack = getenv("SIGNAL_ON_STACK") != NULL;
  main_thread = getpid();
  FILE *maps = fopen("/proc/self/maps", "r");
  if (!maps) return;
  char line[512];
  while (fgets(line, sizeof line, maps))
    if (strstr(line, "[stack]")) sscanf(line, "%lx-%lx", &stack_low, &stack_high);
  fclose(maps);
  struct rlimit limit;
  stack_low = stack_high - (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur < 1ul << 30 ? limit.rlim_cur : 8ul << 20);
  static char own_stack[65536] __attribute__((aligned(64)));
  stack_t alternate = {.ss_sp = own_stack, .ss_size = sizeof own_stack};
  sigaltstack(&alternate, NULL);
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = watch;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigaddset(&action.sa_mask, number);
  sigaction(SIGPROF, &action, NULL);
  struct itimerval every = {{0, 1000}, {0, 1000}};
  setitimer(ITIMER_PROF, &every, NULL);
}

__attribute__((destructor)) static void end(void) {
  if (!main_thread || getpid() != main_thread) return;
  if (sent_stack)
    fprintf(stderr, "signal_at: sent at stack pointer %lx, instruction %lx\n", sent_stack, sent_instruction);
  else
    fprintf(stderr, "signal_at: not sent, %ld such moments seen\n", seen);
}
