// An allocator that finds writes outside of heap blocks and to freed ones, for programs that AddressSanitizer cannot
// run because they link a libtorch that was built without it.
//
//   cc -O2 -shared -fPIC guard.c -o guard.so -ldl -lpthread
//   LD_PRELOAD=$PWD/guard.so PROGRAM …
//
// Aligned blocks (memory of tensors, scratchpads of oneDNN) end at a page that nobody may touch: a write or read behind
// them is a SIGSEGV at the instruction at fault. The bytes before them and up to the page hold a pattern, which is
// checked when they are freed; after that their addresses stay unusable for a while.
// Blocks of malloc lie between a head and a tail with patterns. Freed ones are filled with a pattern and kept in a
// quarantine; when they leave it, or the program ends, it is checked that nobody has written to them.
// A finding names the block, where it was allocated and where it was found, and ends the process by SIGABRT.
//
// Blocks of 1 MiB and more come from a pool of the product, which never asks this allocator: run the program with
// SEQFORMER_GUARD_POOL=1 as well.
//
// Environment:
//   GUARD_PAGE=0              aligned blocks without guard pages
//   GUARD_MALLOC_FROM=BYTES   guard pages also behind blocks of malloc of this size and more
//   GUARD_QUARANTINE_MB=N     size of the quarantine, 256 if not set
//   GUARD_TRACE_FROM, GUARD_TRACE_TO   sizes whose allocation is remembered by its call chain; slow
//   GUARD_CONTINUE=1          report and go on
//   GUARD_STATISTICS=1        a line with counts at the end

#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void *__libc_malloc(size_t);
extern void __libc_free(void *);
extern void *__libc_memalign(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

enum { PAGE = 4096, SITES = 9, HEAD = 128, TAIL = 64, CHECKED_BEFORE = 256 };
enum { BYTE_BEFORE = 0xA6, BYTE_BEHIND = 0xA5, BYTE_TAIL = 0xC3, BYTE_FREED = 0xDD };
// A freed block is filled and checked up to this size.
static const size_t filled_at_most = 64 << 10;
static const uint64_t in_use = 0x51f0c0de77aa1133, freed = 0xdeadf00d5ca1ab1e;

// ---- settings and counts

static int page_mode = 1, keep_going, ready;
static size_t quarantine_most = 256u << 20, malloc_from = SIZE_MAX, trace_from = 1, trace_to;
static atomic_long num_malloc, num_pages, num_checks;

static size_t number(const char *name, size_t otherwise) {
  const char *text = getenv(name);
  return text ? (size_t)atoll(text) : otherwise;
}

static void prepare(void) {
  if (ready) return;
  ready = 1;
  page_mode = (int)number("GUARD_PAGE", 1);
  malloc_from = number("GUARD_MALLOC_FROM", SIZE_MAX);
  quarantine_most = number("GUARD_QUARANTINE_MB", 256) << 20;
  trace_from = number("GUARD_TRACE_FROM", 1);
  trace_to = number("GUARD_TRACE_TO", 0);
  keep_going = (int)number("GUARD_CONTINUE", 0);
}

static atomic_flag spin = ATOMIC_FLAG_INIT;
static void lock(void) {
  while (atomic_flag_test_and_set_explicit(&spin, memory_order_acquire))
    __builtin_ia32_pause();
}
static void unlock(void) { atomic_flag_clear_explicit(&spin, memory_order_release); }

// ---- reports

static void say(const char *text) { (void)!write(2, text, strlen(text)); }

static void report(const char *what, void *user, size_t size, ptrdiff_t at, void **sites, int num_sites) {
  char line[256];
  snprintf(line, sizeof line, "\nguard: %s: block %p of %zu bytes, first bad byte at offset %td, process %d\n", what,
           user, size, at, getpid());
  say(line);
  if (num_sites) {
    say("guard: allocated by\n");
    backtrace_symbols_fd(sites, num_sites, 2);
  }
  say("guard: found by\n");
  void *here[40];
  backtrace_symbols_fd(here, backtrace(here, 40), 2);
  if (!keep_going) abort();
}

static int trace(void **sites, size_t size) {
  static __thread int inside; // backtrace allocates when it is called first
  if (inside || size < trace_from || size > trace_to) return 0;
  inside = 1;
  void *all[SITES + 3];
  int found = backtrace(all, SITES + 3), kept = 0;
  inside = 0;
  for (int i = 2; i < found && kept < SITES; i++)
    sites[kept++] = all[i];
  return kept;
}

// ---- blocks with guard pages: a table by address

enum { NEVER_USED, USED, REMOVED };
struct page_block {
  void *user;
  size_t size;
  char *mapped;
  size_t length;
  void *sites[SITES];
  int num_sites, state;
};
#define SLOTS (1u << 18)
static struct page_block *table;
static size_t num_used;

// Addresses of freed blocks, which nobody may touch.
#define RETIRED 6000
static const size_t retired_most = 4ul << 30;
static struct {
  char *mapped;
  size_t length;
} retired[RETIRED];
static size_t retired_first, retired_end, retired_bytes;

static uint32_t slot_of(void *p) { return (uint32_t)(((uintptr_t)p >> 6) * 0x9e3779b97f4a7c15u >> 40) & (SLOTS - 1); }

// With the lock held.
static struct page_block *find(void *p) {
  if (!table) return NULL;
  for (uint32_t i = slot_of(p), steps = 0; steps < SLOTS && table[i].state != NEVER_USED; i = (i + 1) & (SLOTS - 1), steps++)
    if (table[i].state == USED && table[i].user == p) return &table[i];
  return NULL;
}

static void *page_alloc(size_t alignment, size_t size) {
  if (size > SIZE_MAX / 4) return NULL;
  size_t body = (size + alignment - 1) / alignment * alignment;
  if (body == 0) body = alignment;
  size_t data = (body + PAGE - 1) & ~(size_t)(PAGE - 1);
  size_t extra = alignment > PAGE ? alignment : 0;
  size_t length = PAGE + data + PAGE + extra;
  char *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return NULL;
  char *start = mapped + PAGE;
  if (extra) start = (char *)(((uintptr_t)start + alignment - 1) / alignment * alignment);
  mprotect(mapped, PAGE, PROT_NONE);
  mprotect(start + data, PAGE, PROT_NONE);
  char *user = start + data - body;
  memset(user + size, BYTE_BEHIND, body - size);
  size_t before = (size_t)(user - start) < CHECKED_BEFORE ? (size_t)(user - start) : CHECKED_BEFORE;
  memset(user - before, BYTE_BEFORE, before);
  struct page_block block = {.user = user, .size = size, .mapped = mapped, .length = length, .state = USED};
  block.num_sites = trace(block.sites, size);
  lock();
  if (!table)
    table = mmap(NULL, SLOTS * sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (num_used > SLOTS / 2) { // the caller falls back to a block with canaries
    unlock();
    munmap(mapped, length);
    return NULL;
  }
  uint32_t i = slot_of(user);
  while (table[i].state == USED)
    i = (i + 1) & (SLOTS - 1);
  table[i] = block;
  num_used++;
  unlock();
  num_pages++;
  return user;
}

static int page_free(void *p) {
  if (!table || ((uintptr_t)p & 15)) return 0;
  lock();
  struct page_block *slot = find(p);
  if (!slot) {
    unlock();
    return 0;
  }
  struct page_block block = *slot;
  slot->state = REMOVED;
  num_used--;
  unlock();
  unsigned char *user = p, *end = user + block.size;
  for (; (uintptr_t)end & (PAGE - 1); end++)
    if (*end != BYTE_BEHIND) {
      report("a write behind an aligned block", p, block.size, end - user, block.sites, block.num_sites);
      break;
    }
  ptrdiff_t before = (ptrdiff_t)((uintptr_t)p & (PAGE - 1));
  for (ptrdiff_t at = -1; at >= -(before < CHECKED_BEFORE ? before : CHECKED_BEFORE); at--)
    if (user[at] != BYTE_BEFORE) {
      report("a write before an aligned block", p, block.size, at, block.sites, block.num_sites);
      break;
    }
  num_checks++;
  // Mapped anew: the memory is given back and no access is allowed.
  mmap(block.mapped, block.length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  lock();
  while (retired_first != retired_end &&
         (retired_bytes + block.length > retired_most || (retired_end + 1) % RETIRED == retired_first)) {
    munmap(retired[retired_first].mapped, retired[retired_first].length);
    retired_bytes -= retired[retired_first].length;
    retired_first = (retired_first + 1) % RETIRED;
  }
  retired[retired_end].mapped = block.mapped;
  retired[retired_end].length = block.length;
  retired_bytes += block.length;
  retired_end = (retired_end + 1) % RETIRED;
  unlock();
  return 1;
}

// The size of a block with guard pages; -1 for another one.
static ptrdiff_t page_size_of(void *p) {
  lock();
  struct page_block *slot = find(p);
  ptrdiff_t size = slot ? (ptrdiff_t)slot->size : -1;
  unlock();
  return size;
}

// ---- blocks with canaries

struct head {
  uint64_t first;
  size_t size;
  void *sites[SITES];
  int num_sites;
  uint64_t last;
};
_Static_assert(sizeof(struct head) <= HEAD, "the head fits before the block");

#define QUARANTINE (1u << 18)
static struct head *quarantine[QUARANTINE];
static size_t quarantine_first, quarantine_end, quarantine_bytes;

static unsigned char *user_of(struct head *head) { return (unsigned char *)head + HEAD; }
static struct head *head_of(void *p) { return (struct head *)((char *)p - HEAD); }

static void check_tail(struct head *head, const char *what) {
  unsigned char *user = user_of(head), *tail = user + head->size;
  for (int i = 0; i < TAIL; i++)
    if (tail[i] != BYTE_TAIL) {
      report(what, user, head->size, (ptrdiff_t)head->size + i, head->sites, head->num_sites);
      return;
    }
}

static void *canary_alloc(size_t size) {
  if (size > (size_t)1 << 46) {
    errno = ENOMEM;
    return NULL;
  }
  struct head *head = __libc_malloc(HEAD + size + TAIL);
  if (!head) return NULL;
  head->first = head->last = in_use;
  head->size = size;
  head->num_sites = trace(head->sites, size);
  memset(user_of(head) + size, BYTE_TAIL, TAIL);
  num_malloc++;
  return user_of(head);
}

static void check_freed(struct head *head) {
  unsigned char *user = user_of(head);
  size_t filled = head->size < filled_at_most ? head->size : filled_at_most;
  if (head->first != freed || head->last != freed) {
    report("the head of a freed block was overwritten", user, 0, -HEAD, NULL, 0);
    return; // its size cannot be trusted
  }
  for (size_t i = 0; i < filled; i++)
    if (user[i] != BYTE_FREED) {
      report("a write to a freed block", user, head->size, (ptrdiff_t)i, head->sites, head->num_sites);
      break;
    }
  check_tail(head, "a write behind a freed block");
  num_checks++;
}

static void release(struct head *head) {
  check_freed(head);
  head->first = head->last = 0;
  __libc_free(head);
}

static void canary_free(struct head *head) {
  if (head->last != in_use) report("the head of a block was overwritten", user_of(head), head->size, -HEAD, NULL, 0);
  check_tail(head, "a write behind a block");
  num_checks++;
  memset(user_of(head), BYTE_FREED, head->size < filled_at_most ? head->size : filled_at_most);
  head->first = head->last = freed;
  size_t cost = head->size + HEAD + TAIL;
  if (cost > quarantine_most / 8) {
    release(head);
    return;
  }
  struct head *leaving[64];
  int num_leaving = 0;
  lock();
  while (quarantine_first != quarantine_end && num_leaving < 64 &&
         (quarantine_bytes + cost > quarantine_most || ((quarantine_end + 1) & (QUARANTINE - 1)) == quarantine_first)) {
    struct head *oldest = quarantine[quarantine_first];
    quarantine_bytes -= oldest->size + HEAD + TAIL;
    quarantine_first = (quarantine_first + 1) & (QUARANTINE - 1);
    leaving[num_leaving++] = oldest;
  }
  quarantine[quarantine_end] = head;
  quarantine_bytes += cost;
  quarantine_end = (quarantine_end + 1) & (QUARANTINE - 1);
  unlock();
  for (int i = 0; i < num_leaving; i++)
    release(leaving[i]);
}

// ---- the C library's functions

// Not called malloc: compilers turn a malloc that is filled with zeros into a calloc, which would call itself.
static void *allocate(size_t size) {
  prepare();
  if (size >= malloc_from && size < 64u << 20) {
    void *p = page_alloc(16, size);
    if (p) return p;
  }
  return canary_alloc(size);
}

void *malloc(size_t size) { return allocate(size); }

void *calloc(size_t count, size_t each) {
  size_t size;
  if (__builtin_mul_overflow(count, each, &size)) {
    errno = ENOMEM;
    return NULL;
  }
  void *p = allocate(size);
  if (p) memset(p, 0, size);
  return p;
}

void free(void *p) {
  if (!p) return;
  int kept = errno;
  if (!page_free(p)) {
    struct head *head = head_of(p);
    if (head->first == in_use) canary_free(head);
    else if (head->first == freed) report("freed twice", p, head->size, 0, head->sites, head->num_sites);
    else if (head->last == in_use) report("the head of a block was overwritten", p, head->size, -HEAD, NULL, 0);
    else __libc_free(p); // from before this allocator, or from memalign of the C library
  }
  errno = kept;
}

size_t malloc_usable_size(void *p) {
  if (!p) return 0;
  ptrdiff_t size = page_size_of(p);
  if (size >= 0) return (size_t)size;
  return head_of(p)->first == in_use ? head_of(p)->size : 0;
}

void *realloc(void *p, size_t size) {
  if (!p) return allocate(size);
  if (size == 0) {
    free(p);
    return NULL;
  }
  ptrdiff_t paged = page_size_of(p);
  if (paged < 0 && head_of(p)->first == freed) report("realloc of a freed block", p, head_of(p)->size, 0, NULL, 0);
  if (paged < 0 && head_of(p)->first != in_use) return __libc_realloc(p, size); // as in free
  size_t old = paged >= 0 ? (size_t)paged : head_of(p)->size;
  void *moved = allocate(size);
  if (!moved) return NULL;
  memcpy(moved, p, old < size ? old : size);
  free(p);
  return moved;
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  prepare();
  void *p = NULL;
  if (page_mode) p = page_alloc(alignment < 16 ? 16 : alignment, size);
  if (!p) p = alignment <= 16 ? canary_alloc(size) : __libc_memalign(alignment, size);
  if (!p) return ENOMEM;
  *out = p;
  return 0;
}

void *memalign(size_t alignment, size_t size) {
  void *p = NULL;
  int failed = posix_memalign(&p, alignment, size);
  if (failed) errno = failed;
  return failed ? NULL : p;
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
void *valloc(size_t size) { return memalign(PAGE, size); }
void *pvalloc(size_t size) { return memalign(PAGE, (size + PAGE - 1) & ~(size_t)(PAGE - 1)); }

__attribute__((destructor)) static void at_end(void) {
  for (size_t i = quarantine_first; i != quarantine_end; i = (i + 1) & (QUARANTINE - 1))
    check_freed(quarantine[i]);
  if (!getenv("GUARD_STATISTICS")) return;
  char line[200];
  snprintf(line, sizeof line, "guard: %ld blocks with canaries, %ld with guard pages, %ld checks, process %d\n",
           (long)num_malloc, (long)num_pages, (long)num_checks, getpid());
  say(line);
}
