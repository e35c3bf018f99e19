/* tests/unit/chat_page.h -- what one test of a dialect reads and writes.
 */
#ifndef WEIR_TESTS_CHAT_PAGE_H
#define WEIR_TESTS_CHAT_PAGE_H

#include "check.h"

#include "chat/dialect.h"
#include "chat_dump.h"

/* Memory, and a page for what came out. */
struct page {
	struct test_mem mem;
	struct arena a, keep;
	struct chat_request r;
	struct chat_refusal why;
	struct chat_lost lost;
	struct chat_events ev;
	char text[16384];
	struct sb b;
};

static inline void page_open(struct page *p)
{
	memset(p, 0, sizeof(*p));
	test_mem_init(&p->mem, 0);
	arena_init(&p->a, &p->mem.mem, 4096, 1 << 20);
	arena_init(&p->keep, &p->mem.mem, 4096, 1 << 20);
	events_init(&p->ev, &p->a);
	sb_init(&p->b, p->text, sizeof(p->text));
}

static inline void page_close(struct page *p)
{
	arena_free(&p->a);
	arena_free(&p->keep);
	CHECK_INT(p->mem.live, 0);
}

#endif
